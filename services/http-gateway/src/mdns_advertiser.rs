//! Requests to mdns-advertiser: how the boards' names do on the network, and who else is there.

use std::time::Duration;

use cpy_board::status::{AvahiState, NetworkStatus, Peers};
use cpy_board::{Daemon, RuntimeDir, Shutdown};

use crate::network::NetworkAnswer;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::service::Service;

/// It answers from its memory, so it does so at once or not at all.
const PATIENCE: Duration = Duration::from_millis(400);

/// The daemon that has the names on the network.
#[derive(Clone, Debug)]
pub(crate) struct MdnsAdvertiser(Service);

impl MdnsAdvertiser {
    pub(crate) fn new(runtime_dir: &RuntimeDir, shutdown: Shutdown) -> Self {
        Self(Service::new(Daemon::MdnsAdvertiser, runtime_dir, shutdown))
    }

    /// How names do, where the `policy` wants any.
    pub(crate) async fn network(&self, policy: &Policy) -> NetworkAnswer {
        if !policy.announces {
            return Ok(NetworkStatus {
                avahi: AvahiState::Disabled,
                boards: [].into(),
            });
        }
        let network = self.0.document_within("/boards", PATIENCE).await?;
        network.map_err(|_| Refusal::BrokeOff(Daemon::MdnsAdvertiser))
    }

    /// Other devices, as they are known now. Nobody where the daemon does not say: what it said earlier may have
    /// left the network since, and a link that leads nowhere is worse than none.
    pub(crate) async fn peers(&self, policy: &Policy) -> Peers {
        if !policy.announces {
            return Peers::new();
        }
        match self.0.document_within("/peers", PATIENCE).await {
            Ok(Ok(peers)) => peers,
            Ok(Err(_)) | Err(_) => Peers::new(),
        }
    }
}
