//! A request's body on its way to a daemon, which can be held back and taken back.
//!
//! Held back, because reading a client's body is what sends it `100 Continue`: it may be read only when
//! the daemon wants it. Taken back, because a daemon that refuses does not read the rest, and a client
//! that is still sending would see a broken connection instead of the answer.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, timeout};

/// A client that sends nothing for this long in the middle of a body is gone. A transfer that makes
/// progress has no limit.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the gateway keeps of a body that it lent.
#[derive(Debug)]
pub(crate) struct Lender<B> {
    loan: Arc<Mutex<Loan<B>>>,
    moves: watch::Receiver<()>,
}

/// What is given to the daemon's connection.
#[derive(Debug)]
pub(crate) struct LentBody<B> {
    loan: Arc<Mutex<Loan<B>>>,
    pause: Pin<Box<Sleep>>,
    /// Tells of every piece that is read, and of the end: the daemon's connection then lets go of the body.
    moves: watch::Sender<()>,
}

#[derive(Debug)]
struct Loan<B> {
    state: State<B>,
    /// Who waits for the state to change.
    waker: Option<Waker>,
}

#[derive(Debug)]
enum State<B> {
    /// Not to be read yet.
    Held(B),
    /// Being read.
    Flowing(B),
    /// Read to its end.
    Ended,
    /// Broken off by its client.
    Broken,
    /// No longer read, while the answer is on its way.
    TakenBack,
    /// The exchange is over.
    Over,
}

/// What is left of a body that was taken back.
#[derive(Debug)]
pub(crate) enum Rest<B> {
    /// Nothing: it was read to its end.
    Nothing,
    /// What its client is sending.
    Unread(B),
    /// Nothing: its client broke it off.
    Broken,
    /// All of it: it was held, so its client has not begun to send.
    Unsent,
}

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LentBodyError {
    #[error("the client's body broke off")]
    Client(#[source] Box<dyn Error + Send + Sync>),
    #[error("the client sent nothing for {} seconds", LONGEST_PAUSE.as_secs())]
    Pause,
    #[error("the exchange was over before the body was")]
    Over,
}

// By hand, because the body need not be Clone.
impl<B> Clone for Lender<B> {
    fn clone(&self) -> Self {
        Self {
            loan: Arc::clone(&self.loan),
            moves: self.moves.clone(),
        }
    }
}

impl<B: Body> Lender<B> {
    /// Lends a body; `held` until [`Lender::release`].
    pub(crate) fn lend(body: B, held: bool) -> (Self, LentBody<B>) {
        let state = if held {
            State::Held(body)
        } else {
            State::Flowing(body)
        };
        let loan = Arc::new(Mutex::new(Loan { state, waker: None }));
        let (sender, moves) = watch::channel(());
        let lent = LentBody {
            loan: Arc::clone(&loan),
            pause: Box::pin(sleep(LONGEST_PAUSE)),
            moves: sender,
        };
        (Self { loan, moves }, lent)
    }

    /// Lets a body that was held flow.
    pub(crate) fn release(&self) {
        self.change(|state| match state {
            State::Held(body) => (State::Flowing(body), ()),
            other => (other, ()),
        });
    }

    /// Takes the body back from the daemon, which gets no more of it.
    pub(crate) fn take_back(&self) -> Rest<B> {
        self.change(|state| match state {
            State::Flowing(body) if body.is_end_stream() => (State::Ended, Rest::Nothing),
            State::Flowing(body) => (State::TakenBack, Rest::Unread(body)),
            State::Held(_) => (State::TakenBack, Rest::Unsent),
            State::Broken => (State::Broken, Rest::Broken),
            other => (other, Rest::Nothing),
        })
    }

    /// Ends the exchange, if the body did not come to its end.
    pub(crate) fn end(&self) {
        self.change(|state| match state {
            State::Ended => (State::Ended, ()),
            _ => (State::Over, ()),
        });
    }

    /// Ends when the daemon keeps everybody waiting for longer than `patience`: with its answer after the
    /// whole body was sent, with asking for a body that is held, or with reading one that flows.
    pub(crate) async fn overdue(&self, patience: Duration) {
        let mut moves = self.moves.clone();
        loop {
            let held = self.is_held();
            // While a body flows it may be its client that pauses, which the body itself ends.
            let longest = if held {
                patience
            } else {
                LONGEST_PAUSE + patience
            };
            match timeout(longest, moves.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => break,
                Err(_) if held && !self.is_held() => {}
                Err(_) => return,
            }
        }
        sleep(patience).await;
    }

    fn is_held(&self) -> bool {
        matches!(lock(&self.loan).state, State::Held(_))
    }

    fn change<T>(&self, step: impl FnOnce(State<B>) -> (State<B>, T)) -> T {
        let mut loan = lock(&self.loan);
        let (state, result) = step(std::mem::replace(&mut loan.state, State::Over));
        loan.state = state;
        if let Some(waker) = loan.waker.take() {
            waker.wake();
        }
        result
    }
}

impl<B> Body for LentBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = LentBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, LentBodyError>>> {
        let this = &mut *self;
        let mut loan = lock(&this.loan);
        match &mut loan.state {
            State::Flowing(body) => match Pin::new(body).poll_frame(context) {
                Poll::Ready(Some(frame)) => {
                    this.pause.as_mut().reset(Instant::now() + LONGEST_PAUSE);
                    this.moves.send_replace(());
                    let frame = frame.map_err(|error| {
                        loan.state = State::Broken;
                        LentBodyError::Client(error.into())
                    });
                    Poll::Ready(Some(frame))
                }
                Poll::Ready(None) => {
                    loan.state = State::Ended;
                    Poll::Ready(None)
                }
                Poll::Pending => {
                    loan.waker = Some(context.waker().clone());
                    ready!(this.pause.as_mut().poll(context));
                    loan.state = State::Broken;
                    Poll::Ready(Some(Err(LentBodyError::Pause)))
                }
            },
            State::Held(_) | State::TakenBack => {
                this.pause.as_mut().reset(Instant::now() + LONGEST_PAUSE);
                loan.waker = Some(context.waker().clone());
                Poll::Pending
            }
            State::Ended => Poll::Ready(None),
            State::Broken | State::Over => Poll::Ready(Some(Err(LentBodyError::Over))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &lock(&self.loan).state {
            State::Held(body) | State::Flowing(body) => body.is_end_stream(),
            State::Ended => true,
            State::Broken | State::TakenBack | State::Over => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &lock(&self.loan).state {
            State::Held(body) | State::Flowing(body) => body.size_hint(),
            State::Ended => SizeHint::with_exact(0),
            State::Broken | State::TakenBack | State::Over => SizeHint::default(),
        }
    }
}

/// The body of an answer, whose end is also that of the exchange.
#[derive(Debug)]
pub(crate) struct AnswerBody<A, B: Body> {
    answer: A,
    lender: Lender<B>,
}

impl<A, B: Body> AnswerBody<A, B> {
    pub(crate) fn new(answer: A, lender: Lender<B>) -> Self {
        Self { answer, lender }
    }
}

impl<A, B: Body> Drop for AnswerBody<A, B> {
    fn drop(&mut self) {
        self.lender.end();
    }
}

impl<A: Body + Unpin, B: Body> Body for AnswerBody<A, B> {
    type Data = A::Data;
    type Error = A::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<A::Data>, A::Error>>> {
        Pin::new(&mut self.answer).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

fn lock<B>(loan: &Mutex<Loan<B>>) -> MutexGuard<'_, Loan<B>> {
    loan.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::future::{Either, poll_immediate, select};
    use http_body_util::{BodyExt, Empty, Full};

    use super::*;

    fn lend(text: &'static str, held: bool) -> (Lender<Full<Bytes>>, LentBody<Full<Bytes>>) {
        Lender::lend(Full::new(Bytes::from_static(text.as_bytes())), held)
    }

    #[tokio::test]
    async fn a_held_body_flows_when_it_is_released() {
        let (lender, body) = lend("text", true);
        assert_eq!(body.size_hint().exact(), Some(4));
        let mut read = Box::pin(body.collect());
        assert!(poll_immediate(&mut read).await.is_none());
        let release = Box::pin(async { lender.release() });
        let whole = match select(read, release).await {
            Either::Left((whole, _)) => whole,
            Either::Right(((), read)) => read.await,
        };
        assert_eq!(whole.unwrap().to_bytes(), "text");
        assert!(matches!(lender.take_back(), Rest::Nothing));
    }

    #[tokio::test]
    async fn a_body_that_was_taken_back_is_not_read_and_ends_with_the_answer() {
        let (lender, mut body) = lend("text", false);
        let Rest::Unread(rest) = lender.take_back() else {
            panic!("it was not read");
        };
        assert!(poll_immediate(body.frame()).await.is_none());
        drop(AnswerBody::new(Empty::<Bytes>::new(), lender));
        let end = body.frame().await.expect("no end");
        assert!(matches!(end, Err(LentBodyError::Over)), "{end:?}");
        assert_eq!(rest.collect().await.unwrap().to_bytes(), "text");
    }

    #[tokio::test]
    async fn a_held_body_is_not_given_back_to_be_read() {
        let (lender, _body) = lend("text", true);
        assert!(matches!(lender.take_back(), Rest::Unsent));
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_is_overdue_a_while_after_it_was_sent_all() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let begun = Instant::now();
        let (lender, mut body) = lend("text", false);
        let sending = async {
            sleep(PATIENCE * 3).await;
            body.frame().await.expect("no text").unwrap();
            drop(body);
        };
        tokio::join!(lender.overdue(PATIENCE), sending);
        assert_eq!(begun.elapsed().as_secs(), 80);
        for (held, seconds) in [(true, 20), (false, 80)] {
            let begun = Instant::now();
            let (lender, _unread) = lend("text", held);
            lender.overdue(PATIENCE).await;
            assert_eq!(begun.elapsed().as_secs(), seconds, "{held}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_falls_silent_is_given_up() {
        let silent = http_body_util::StreamBody::new(futures_util::stream::pending::<
            Result<Frame<Bytes>, std::io::Error>,
        >());
        let (_lender, mut body) = Lender::lend(silent, false);
        let end = body.frame().await.expect("no end");
        assert!(matches!(end, Err(LentBodyError::Pause)), "{end:?}");
    }
}
