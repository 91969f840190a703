//! What clients type, on its way to the port: a bounded queue per client, served in turn.
//!
//! One client's bytes stay in their order. Between clients there is no order but fairness: a chunk of
//! each in turn, so that a paste which the board is slow to take does not lock out another client's
//! Ctrl-C. People who type at the same time sort out among themselves what the board makes of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use crate::lock;

/// How much a client may have waiting before it has to wait itself. One message goes on top of it.
const ROOM: usize = 256 * 1024;
/// How much of one client is written before it is the next one's turn.
const CHUNK: usize = 1024;

/// The input of one console: all its clients' queues.
#[derive(Debug, Default)]
pub(crate) struct Input {
    queues: Mutex<Queues>,
    typed: Notify,
}

#[derive(Debug, Default)]
struct Queues {
    /// Whether there is a port to write to.
    open: bool,
    /// Which absence this is, or how many there were.
    absences: u64,
    last_id: u64,
    /// The next one to be served first.
    waiting: VecDeque<Queue>,
}

#[derive(Debug)]
struct Queue {
    id: u64,
    pending: BytesMut,
    room: Arc<Notify>,
    /// The client has left; what it typed is still delivered.
    left: bool,
}

/// A client's way to type. Dropped, it leaves what was typed to be delivered.
#[derive(Debug)]
pub(crate) struct Keyboard {
    input: Arc<Input>,
    id: u64,
    room: Arc<Notify>,
}

/// The port is not open, so what was typed is dropped. The number tells one absence from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Absence(u64);

impl Input {
    /// One more client.
    pub(crate) fn keyboard(self: &Arc<Self>) -> Keyboard {
        let mut queues = lock(&self.queues);
        queues.last_id += 1;
        let id = queues.last_id;
        let room = Arc::new(Notify::new());
        queues.waiting.push_back(Queue {
            id,
            pending: BytesMut::new(),
            room: Arc::clone(&room),
            left: false,
        });
        Keyboard {
            input: Arc::clone(self),
            id,
            room,
        }
    }

    /// There is a port to write to from now on.
    pub(crate) fn open(&self) {
        lock(&self.queues).open = true;
    }

    /// There is none any more; what waits for it is dropped.
    pub(crate) fn close(&self) {
        let mut queues = lock(&self.queues);
        queues.open = false;
        queues.absences += 1;
        queues.waiting.retain(|queue| !queue.left);
        for queue in &mut queues.waiting {
            queue.pending = BytesMut::new();
            queue.room.notify_one();
        }
    }

    /// The next bytes for the port, of one client. For one caller at a time.
    pub(crate) async fn next(&self) -> Bytes {
        loop {
            if let Some(chunk) = lock(&self.queues).take() {
                return chunk;
            }
            self.typed.notified().await;
        }
    }
}

impl Queues {
    fn take(&mut self) -> Option<Bytes> {
        let index = self
            .waiting
            .iter()
            .position(|queue| !queue.pending.is_empty())?;
        let mut queue = self.waiting.remove(index)?;
        let size = queue.pending.len().min(CHUNK);
        let chunk = queue.pending.split_to(size).freeze();
        if queue.pending.is_empty() {
            // The buffer of a paste need not stay.
            queue.pending = BytesMut::new();
        }
        if queue.pending.len() < ROOM {
            queue.room.notify_one();
        }
        if !(queue.left && queue.pending.is_empty()) {
            self.waiting.push_back(queue);
        }
        Some(chunk)
    }

    fn find(&mut self, id: u64) -> Option<&mut Queue> {
        self.waiting.iter_mut().find(|queue| queue.id == id)
    }
}

impl Keyboard {
    /// Types bytes, unless there is nobody to read them.
    pub(crate) fn typed(&self, bytes: &[u8]) -> Result<(), Absence> {
        let mut queues = lock(&self.input.queues);
        if !queues.open {
            return Err(Absence(queues.absences));
        }
        if let Some(queue) = queues.find(self.id) {
            queue.pending.extend_from_slice(bytes);
            self.input.typed.notify_one();
        }
        Ok(())
    }

    /// Waits until there is room to type more.
    pub(crate) async fn room(&self) {
        loop {
            let waits = lock(&self.input.queues)
                .find(self.id)
                .is_some_and(|queue| queue.pending.len() >= ROOM);
            if !waits {
                return;
            }
            self.room.notified().await;
        }
    }
}

impl Drop for Keyboard {
    /// Clients that come and go while the board takes no input must not fill the memory: what those
    /// that left have waiting is bounded as if it were one's.
    fn drop(&mut self) {
        let mut queues = lock(&self.input.queues);
        if let Some(queue) = queues.find(self.id) {
            queue.left = true;
        }
        let orphaned = queues.waiting.iter().filter(|queue| queue.left);
        let too_much = orphaned.map(|queue| queue.pending.len()).sum::<usize>() > ROOM;
        queues
            .waiting
            .retain(|queue| !queue.left || (!queue.pending.is_empty() && !too_much));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn open() -> Arc<Input> {
        let input = Arc::new(Input::default());
        input.open();
        input
    }

    fn next(input: &Input) -> Option<Bytes> {
        input.next().now_or_never()
    }

    #[test]
    fn a_ctrl_c_does_not_wait_for_another_clients_paste() {
        let input = open();
        let (one, two) = (input.keyboard(), input.keyboard());
        one.typed(&vec![b'x'; 100_000]).unwrap();
        assert_eq!(next(&input).unwrap().len(), CHUNK);
        two.typed(b"\x03").unwrap();
        assert_eq!(next(&input).unwrap().as_ref(), b"\x03");
        assert_eq!(next(&input).unwrap().len(), CHUNK);
    }

    #[test]
    fn a_client_waits_when_its_queue_is_full_and_no_other_does() {
        let input = open();
        let (one, two) = (input.keyboard(), input.keyboard());
        one.typed(&vec![b'x'; ROOM]).unwrap();
        assert!(one.room().now_or_never().is_none());
        assert!(two.room().now_or_never().is_some());
        next(&input).unwrap();
        assert!(one.room().now_or_never().is_some());
    }

    #[test]
    fn input_without_a_board_is_dropped() {
        let input = open();
        let keyboard = input.keyboard();
        keyboard.typed(&vec![b'x'; ROOM]).unwrap();
        input.close();
        assert!(keyboard.room().now_or_never().is_some());
        let first = keyboard.typed(b"x").unwrap_err();
        assert_eq!(keyboard.typed(b"x"), Err(first));
        input.open();
        assert_eq!(next(&input), None);
        input.close();
        assert_ne!(keyboard.typed(b"x"), Err(first));
    }

    #[test]
    fn what_a_client_typed_before_it_left_is_delivered() {
        let input = open();
        let keyboard = input.keyboard();
        keyboard.typed(b"last words").unwrap();
        drop(keyboard);
        assert_eq!(next(&input).unwrap().as_ref(), b"last words");
        assert!(lock(&input.queues).waiting.is_empty());
    }

    #[test]
    fn clients_that_leave_do_not_fill_the_memory() {
        let input = open();
        for _ in 0..100 {
            input.keyboard().typed(&[b'x'; 10_000]).unwrap();
        }
        assert!(lock(&input.queues).waiting.len() < 30);
    }
}
