//! The transfers that wait at the endpoints, and the replies on their way to the host.
//!
//! A device that says NAK is a transfer that stays here. What the bytes mean is not known here.

use std::collections::{BTreeSet, VecDeque};

use bytes::BytesMut;

use super::endpoint::Endpoint;
use super::usbip::{Urb, brought, stalled, taken, unlinked};

/// What a transfer has to go through.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    waiting: VecDeque<Urb>,
    halted: BTreeSet<Endpoint>,
    replies: BytesMut,
}

impl Pipes {
    /// The bytes that the host has to get.
    pub(crate) fn replies(&mut self) -> &mut BytesMut {
        &mut self.replies
    }

    /// How many transfers wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Lets a transfer wait for its endpoint; at a stalled one it fails at once.
    pub(crate) fn submit(&mut self, urb: Urb) {
        if self.is_halted(urb.endpoint) {
            stalled(&urb, &mut self.replies);
        } else {
            self.waiting.push_back(urb);
        }
    }

    pub(crate) fn unlink(&mut self, number: u32, target: u32) {
        let at = self.waiting.iter().position(|urb| urb.number == target);
        if let Some(at) = at {
            self.waiting.remove(at);
        }
        unlinked(number, at.is_some(), &mut self.replies);
    }

    /// Whether the host waits at this endpoint.
    pub(crate) fn is_wanted(&self, endpoint: Endpoint) -> bool {
        self.waiting.iter().any(|urb| urb.endpoint == endpoint)
    }

    /// Gives the host's next transfer as much as it takes. Tells how much it wanted.
    pub(crate) fn bring(&mut self, endpoint: Endpoint, bytes: &[u8]) -> Option<usize> {
        let urb = self.next(endpoint)?;
        brought(&urb, bytes, &mut self.replies);
        Some(urb.length)
    }

    /// Takes what the host's next transfer sent.
    pub(crate) fn take(&mut self, endpoint: Endpoint) -> Option<Vec<u8>> {
        let urb = self.next(endpoint)?;
        taken(&urb, &mut self.replies);
        Some(urb.data)
    }

    /// Stalls the endpoint: what waits at it fails, and what comes, until the host clears it.
    pub(crate) fn halt(&mut self, endpoint: Endpoint) {
        self.halted.insert(endpoint);
        while let Some(urb) = self.next(endpoint) {
            stalled(&urb, &mut self.replies);
        }
    }

    pub(crate) fn clear_halt(&mut self, endpoint: Endpoint) {
        self.halted.remove(&endpoint);
    }

    pub(crate) fn is_halted(&self, endpoint: Endpoint) -> bool {
        self.halted.contains(&endpoint)
    }

    /// The host configured the device: no endpoint is stalled.
    pub(crate) fn clear_all(&mut self) {
        self.halted.clear();
    }

    fn next(&mut self, endpoint: Endpoint) -> Option<Urb> {
        let at = self
            .waiting
            .iter()
            .position(|urb| urb.endpoint == endpoint)?;
        self.waiting.remove(at)
    }
}
