//! The D-Bus interfaces of avahi-daemon, as far as they are used (Avahi 0.8, avahi-daemon/org.freedesktop.Avahi.*.xml).

use zbus::OwnedObjectPath;

/// Any network interface, or any protocol.
pub(super) const UNSPECIFIED: i32 = -1;
/// `AVAHI_PUBLISH_NO_REVERSE`: an address that has another name, too (avahi-common/defs.h).
pub(super) const NO_REVERSE: u32 = 16;
/// `AVAHI_PUBLISH_UPDATE`: in the place of the record that the group has.
pub(super) const UPDATE: u32 = 64;

#[zbus::proxy(interface = "org.freedesktop.Avahi.Server2", default_path = "/")]
pub(super) trait Server {
    fn get_state(&self) -> zbus::Result<i32>;

    fn entry_group_new(&self) -> zbus::Result<OwnedObjectPath>;

    /// Interface, protocol, name, protocol of the address, address, flags; an error when nobody answers in 5 s.
    fn resolve_host_name(
        &self,
        interface: i32,
        protocol: i32,
        name: &str,
        address_protocol: i32,
        flags: u32,
    ) -> zbus::Result<(i32, i32, String, i32, String, u32)>;

    /// The object waits for `Start`, so that none of its signals is missed.
    fn service_browser_prepare(
        &self,
        interface: i32,
        protocol: i32,
        kind: &str,
        domain: &str,
        flags: u32,
    ) -> zbus::Result<OwnedObjectPath>;

    #[expect(clippy::too_many_arguments, reason = "it is Avahi's")]
    fn service_resolver_prepare(
        &self,
        interface: i32,
        protocol: i32,
        name: &str,
        kind: &str,
        domain: &str,
        address_protocol: i32,
        flags: u32,
    ) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(
    interface = "org.freedesktop.Avahi.EntryGroup",
    assume_defaults = false
)]
pub(super) trait EntryGroup {
    fn commit(&self) -> zbus::Result<()>;

    fn free(&self) -> zbus::Result<()>;

    fn add_address(
        &self,
        interface: i32,
        protocol: i32,
        flags: u32,
        name: &str,
        address: &str,
    ) -> zbus::Result<()>;

    #[expect(clippy::too_many_arguments, reason = "it is Avahi's")]
    fn add_service(
        &self,
        interface: i32,
        protocol: i32,
        flags: u32,
        name: &str,
        kind: &str,
        domain: &str,
        host: &str,
        port: u16,
        txt: &[&[u8]],
    ) -> zbus::Result<()>;

    #[expect(clippy::too_many_arguments, reason = "it is Avahi's")]
    fn add_record(
        &self,
        interface: i32,
        protocol: i32,
        flags: u32,
        name: &str,
        class: u16,
        kind: u16,
        ttl: u32,
        data: &[u8],
    ) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.Avahi.ServiceBrowser",
    assume_defaults = false
)]
pub(super) trait ServiceBrowser {
    fn start(&self) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.Avahi.ServiceResolver",
    assume_defaults = false
)]
pub(super) trait ServiceResolver {
    fn start(&self) -> zbus::Result<()>;

    fn free(&self) -> zbus::Result<()>;
}
