//! What goes wrong on USB before there is a device: power, slots of the controller, plugs and cables.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::finding::{Examination, Finding, Kind};
use super::kernel_log::{self, Message};
use super::machine::Machine;

const DEVICES: &str = "/sys/bus/usb/devices";
/// Of older trouble nobody can tell whether it is still there.
const RECENT: Duration = Duration::from_secs(60 * 60);
/// The controller of the Raspberry Pi 4, a VL805, and the devices that it takes, hubs among them.
const VL805: (&str, &str) = ("0x1106", "0x3483");
const VL805_SLOTS: usize = 32;

/// Trouble that the kernel speaks of, from the vaguest to the plainest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// drivers/usb/core/hub.c: a device that does not answer as it must.
    NotEnumerated,
    /// drivers/usb/host/xhci.c
    NoBandwidth,
    /// drivers/usb/core/generic.c: a hub has less current to give than the device asks for.
    NoPower,
    /// drivers/usb/host/xhci.c
    NoSlots,
}

/// Whether USB itself is well.
pub(super) fn examine(machine: &Machine) -> Examination {
    let mut examination = Examination::new("USB", "the kernel reports no trouble.");
    examination.findings.extend(over_current(machine));
    let mut full = full_controllers(machine);
    match kernel_log::read(machine) {
        Ok(messages) => {
            for (place, trouble) in troubles(&messages, uptime(machine)) {
                match trouble {
                    Trouble::NoSlots => full = true,
                    trouble => examination.findings.push(said(&place, trouble)),
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => examination
            .unknown
            .push("what the kernel's log says of USB: only root may read it; use sudo.".into()),
        // There is none, as in a container.
        Err(_) => {}
    }
    if full {
        let sentence = "The USB controller has no room for more devices.";
        examination.findings.push(
            Finding::new(Kind::UsbNoSlots, sentence)
                .advise("A Raspberry Pi 4 takes 32 devices in all, and each hub counts as one or more: unplug some, or use fewer, larger hubs.")
                .advise("More boards need a second machine; a Raspberry Pi 5 takes more than a 4."),
        );
    }
    examination
}

fn said(place: &str, trouble: Trouble) -> Finding {
    // What a controller says is of no port.
    let place = match place {
        "" => "USB".to_owned(),
        port => format!("USB port {port}"),
    };
    let finding = |kind, what: &str| Finding::new(kind, format!("{place}: {what}"));
    match trouble {
        Trouble::NotEnumerated => finding(
            Kind::UsbNotEnumerated,
            "something was plugged in that did not answer as a USB device must.",
        )
        .advise("Unplug it and plug it in again; then try another cable, and another port.")
        .advise("Many boards on a hub without a power supply of its own do this: use a powered hub."),
        Trouble::NoPower => finding(
            Kind::UsbNoPower,
            "the hub has not enough current for what is plugged in.",
        )
        .advise("Use a hub with a power supply of its own."),
        Trouble::NoBandwidth | Trouble::NoSlots => finding(
            Kind::UsbNoBandwidth,
            "the bus has no bandwidth left for what is plugged in.",
        )
        .advise("Spread the boards over more of the machine's own ports; cameras and sound cards take most."),
    }
}

/// Ports that the hub switched off because too much current flowed.
fn over_current(machine: &Machine) -> Vec<Finding> {
    let hubs = machine
        .names(DEVICES)
        .into_iter()
        .filter(|name| name.contains(':'));
    let ports = hubs.flat_map(|hub| {
        let names = machine.names(format!("{DEVICES}/{hub}")).into_iter();
        names.map(move |port| (format!("{DEVICES}/{hub}/{port}/over_current_count"), port))
    });
    ports
        .filter_map(|(file, port)| {
            let count: u32 = machine.text(file)?.parse().ok()?;
            let times = if count == 1 { "once".into() } else { format!("{count} times") };
            let place = device_at(&port);
            let sentence = format!("USB port {place} took too much current, {times} since the machine started.");
            (count > 0).then(|| {
                Finding::new(Kind::UsbOverCurrent, sentence)
                    .advise("Look for a short circuit in what is wired to the board there.")
                    .advise("Use a hub with a power supply of its own. The count begins anew when the machine starts.")
            })
        })
        .collect()
}

/// Whether a controller that is known to be small has as many devices as it takes.
fn full_controllers(machine: &Machine) -> bool {
    let names = machine.names(DEVICES);
    let mut devices: BTreeMap<_, usize> = BTreeMap::new();
    for bus in names.iter().filter_map(|name| name.strip_prefix("usb")) {
        let Ok(root_hub) = machine.path(format!("{DEVICES}/usb{bus}")).canonicalize() else {
            continue;
        };
        let Some(controller) = root_hub.parent() else {
            continue;
        };
        let id = |file| std::fs::read_to_string(controller.join(file)).unwrap_or_default();
        if (id("vendor").trim(), id("device").trim()) == VL805 {
            let on_bus =
                |name: &&String| !name.contains(':') && name.starts_with(&format!("{bus}-"));
            // Its two buses, USB 2 and 3, share the slots.
            *devices.entry(controller.to_owned()).or_default() +=
                names.iter().filter(on_bus).count();
        }
    }
    devices.values().any(|count| *count >= VL805_SLOTS)
}

fn uptime(machine: &Machine) -> Duration {
    let text = machine.text("/proc/uptime").unwrap_or_default();
    let seconds = text
        .split(['.', ' '])
        .next()
        .and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The recent trouble that nothing has mended since, by place: a device's port, or a controller.
fn troubles(messages: &[Message], now: Duration) -> BTreeMap<String, Trouble> {
    let mut troubles = BTreeMap::new();
    for message in messages {
        let Some((place, what)) = message.text.split_once(": ") else {
            continue;
        };
        let place = match place.strip_prefix("usb ") {
            Some(port) => device_at(port),
            None if place.starts_with("xhci_hcd ") => String::new(),
            None => continue,
        };
        if what.starts_with("New USB device found") || what.starts_with("USB disconnect") {
            troubles.remove(&place);
            // Where one more came or one went, there is room.
            troubles.remove("");
        } else if let Some(trouble) = trouble(what)
            && message.at + RECENT >= now
        {
            let known = troubles.entry(place).or_insert(trouble);
            *known = trouble.max(*known);
        }
    }
    troubles
}

fn trouble(what: &str) -> Option<Trouble> {
    let says = |words: &[&str]| words.iter().any(|words| what.contains(words));
    if says(&[
        "No Slots Available",
        "Max number of devices",
        "Not enough host controller resources",
    ]) {
        Some(Trouble::NoSlots)
    } else if says(&["Not enough bandwidth"]) {
        Some(Trouble::NoBandwidth)
    } else if says(&["insufficient available bus power"]) {
        Some(Trouble::NoPower)
    } else if says(&["unable to enumerate", "not accepting address"]) {
        Some(Trouble::NotEnumerated)
    } else {
        None
    }
}

/// What a device at a port is called: `1-1.4` at `1-1-port4`, `1-2` at `usb1-port2`.
fn device_at(port: &str) -> String {
    match port.rsplit_once("-port") {
        Some((hub, number)) => match hub.strip_prefix("usb") {
            Some(bus) => format!("{bus}-{number}"),
            None => format!("{hub}.{number}"),
        },
        None => port.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;

    fn examined(log: &[&str]) -> Vec<Kind> {
        let fake = Fake::new();
        let records = log.iter().map(|text| format!("6,1,5000000000,-;{text}\n"));
        fake.file("/dev/kmsg", &records.collect::<String>());
        fake.file("/proc/uptime", "5100.12 9000.00\n");
        examine(&fake.machine).kinds()
    }

    #[test]
    fn trouble_is_told_by_its_plainest_cause_until_it_is_mended() {
        let fails = [
            "usb 1-1.4: new full-speed USB device number 9 using xhci_hcd",
            "usb 1-1.4: device not accepting address 9, error -71",
            "usb 1-1-port4: unable to enumerate USB device",
        ];
        assert_eq!(examined(&fails), [Kind::UsbNotEnumerated]);
        let mended = [
            &fails[..],
            &["usb 1-1.4: New USB device found, idVendor=239a"],
        ]
        .concat();
        assert_eq!(examined(&mended), []);
        let other = [
            &fails[..],
            &["usb 1-1.3: New USB device found, idVendor=239a"],
        ]
        .concat();
        assert_eq!(examined(&other), [Kind::UsbNotEnumerated]);
        for (line, kind) in [
            (
                "usb 1-2: Not enough bandwidth for new device state.",
                Kind::UsbNoBandwidth,
            ),
            (
                "usb 1-2: rejected 1 configuration due to insufficient available bus power",
                Kind::UsbNoPower,
            ),
            (
                "usb 1-2: Not enough host controller resources for new device state.",
                Kind::UsbNoSlots,
            ),
            (
                "xhci_hcd 0000:01:00.0: Error while assigning device slot ID: No Slots Available Error.",
                Kind::UsbNoSlots,
            ),
        ] {
            assert_eq!(
                examined(&[line, "usb usb1-port2: unable to enumerate USB device"]).last(),
                Some(&kind),
                "{line}"
            );
        }
    }

    #[test]
    fn trouble_is_said_to_be_where_it_was() {
        let problem = |place, trouble| said(place, trouble).problem().to_owned();
        assert_eq!(
            problem("", Trouble::NoBandwidth),
            "USB: the bus has no bandwidth left for what is plugged in."
        );
        assert_eq!(
            problem("1-1.4", Trouble::NotEnumerated),
            "USB port 1-1.4: something was plugged in that did not answer as a USB device must."
        );
    }

    #[test]
    fn old_trouble_is_forgotten() {
        let fake = Fake::new();
        fake.file(
            "/dev/kmsg",
            "3,1,1000000,-;usb usb1-port2: unable to enumerate USB device\n",
        );
        fake.file("/proc/uptime", "3000.1 1.0\n");
        assert_eq!(examine(&fake.machine).kinds(), [Kind::UsbNotEnumerated]);
        fake.file("/proc/uptime", "30000.1 1.0\n");
        assert_eq!(examine(&fake.machine).kinds(), []);
    }

    #[test]
    fn current_is_counted_where_the_kernel_counts_it() {
        let fake = Fake::new();
        let port = |name: &str| format!("{DEVICES}/1-1:1.0/{name}/over_current_count");
        fake.file(&port("1-1-port1"), "0\n")
            .file(&port("1-1-port2"), "3\n");
        let examination = examine(&fake.machine);
        assert_eq!(examination.kinds(), [Kind::UsbOverCurrent]);
        let problem = examination.findings[0].problem();
        assert!(
            problem.contains("1-1.2 ") && problem.contains("3 times"),
            "{problem}"
        );
    }

    #[test]
    fn a_pi_4_is_full_with_32_devices_on_both_its_buses() {
        let fake = Fake::new();
        fake.file("/sys/devices/pci/vendor", "0x1106\n")
            .file("/sys/devices/pci/device", "0x3483\n");
        for bus in ["usb1", "usb2"] {
            fake.file(&format!("/sys/devices/pci/{bus}/product"), "hub");
            fake.link(
                &format!("{DEVICES}/{bus}"),
                format!("../../../devices/pci/{bus}"),
            );
        }
        for number in 1..=30 {
            fake.file(&format!("{DEVICES}/1-1.{number}/product"), "Pico");
        }
        fake.file(&format!("{DEVICES}/2-1/product"), "Hub");
        assert_eq!(examine(&fake.machine).kinds(), []);
        fake.file(&format!("{DEVICES}/1-1/product"), "Hub");
        assert_eq!(examine(&fake.machine).kinds(), [Kind::UsbNoSlots]);
    }
}
