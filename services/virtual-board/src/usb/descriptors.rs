//! The device's descriptors: as CircuitPython 10 builds them at its start, in its order and with
//! its numbers.
//!
//! The source of every byte is CircuitPython's supervisor/shared/usb/usb_desc.c and the templates
//! in its shared-module/{usb_cdc,storage,usb_hid,usb_midi}/.

use super::cdc::CdcPlace;
use super::endpoint::Endpoint;
use super::hid;
use super::mass_storage::StoragePlace;
use super::strings::Strings;

pub(crate) const DEVICE: u8 = 1;
pub(crate) const CONFIGURATION: u8 = 2;
pub(crate) const STRING: u8 = 3;

/// Interface classes.
const AUDIO: u8 = 1;
const COMMUNICATIONS: u8 = 2;
const HID: u8 = 3;
const MASS_STORAGE: u8 = 8;
const CDC_DATA: u8 = 10;

const BULK: u8 = 2;
const INTERRUPT: u8 = 3;
/// The packet size of every endpoint at full speed.
const PACKET: u8 = 64;

/// What the device says of itself as a whole.
#[derive(Debug, Clone)]
pub(crate) struct DeviceWords {
    pub(crate) vendor_id: u16,
    pub(crate) product_id: u16,
    pub(crate) manufacturer: String,
    pub(crate) product: String,
    pub(crate) serial: String,
}

/// The finished descriptors.
#[derive(Debug)]
pub(crate) struct Descriptors {
    pub(crate) device: [u8; 18],
    pub(crate) configuration: Vec<u8>,
    pub(crate) strings: Strings,
}

/// Puts the descriptors together, one function after the other.
#[derive(Debug)]
pub(crate) struct Builder {
    device: [u8; 18],
    functions: Vec<u8>,
    strings: Strings,
    interfaces: u8,
    /// The last endpoint number that was given away.
    endpoints: u8,
}

impl Builder {
    pub(crate) fn new(words: &DeviceWords) -> Self {
        let mut strings = Strings::default();
        let [vendor, vendor_high] = words.vendor_id.to_le_bytes();
        let [product, product_high] = words.product_id.to_le_bytes();
        let device = [
            18,
            DEVICE,
            // USB 2.0; the class is said by the interfaces.
            0x00,
            0x02,
            0,
            0,
            0,
            PACKET,
            vendor,
            vendor_high,
            product,
            product_high,
            // Release 1.0 of the device.
            0x00,
            0x01,
            strings.add(&words.manufacturer),
            strings.add(&words.product),
            strings.add(&words.serial),
            1,
        ];
        Self {
            device,
            functions: Vec::new(),
            strings,
            interfaces: 0,
            endpoints: 0,
        }
    }

    /// A serial port, whose interfaces are called `<name> control` and `<name> data`.
    pub(crate) fn cdc(&mut self, name: &str) -> CdcPlace {
        let (control, data) = (self.interface(), self.interface());
        let notify = self.endpoint(true);
        let (to_host, from_host) = self.endpoint_pair();
        let control_name = self.strings.add(&format!("{name} control"));
        let data_name = self.strings.add(&format!("{name} data"));
        // The two belong together; then the control interface with the class's own descriptors:
        // header, call management, abstract control model, union.
        self.add([8, 0x0b, control, 2, COMMUNICATIONS, 2, 0, 0]);
        self.add([9, 4, control, 0, 1, COMMUNICATIONS, 2, 0, control_name]);
        self.add([5, 0x24, 0x00, 0x10, 0x01]);
        self.add([5, 0x24, 0x01, 0x01, data]);
        self.add([4, 0x24, 0x02, 0x02]);
        self.add([5, 0x24, 0x06, control, data]);
        self.add_endpoint(notify, INTERRUPT, 16);
        self.add([9, 4, data, 0, 2, CDC_DATA, 0, 0, data_name]);
        self.add_endpoint(from_host, BULK, 0);
        self.add_endpoint(to_host, BULK, 0);
        CdcPlace {
            interface: control,
            to_host,
            from_host,
        }
    }

    /// A drive: SCSI over bulk-only transport.
    pub(crate) fn mass_storage(&mut self, name: Option<&str>) -> StoragePlace {
        let interface = self.interface();
        let (to_host, from_host) = self.endpoint_pair();
        let name = name.map_or(0, |name| self.strings.add(name));
        self.add([9, 4, interface, 0, 2, MASS_STORAGE, 6, 0x50, name]);
        self.add_endpoint(to_host, BULK, 0);
        self.add_endpoint(from_host, BULK, 0);
        StoragePlace {
            interface,
            to_host,
            from_host,
        }
    }

    /// Keyboard, mouse and media keys. Returns the interface.
    pub(crate) fn hid(&mut self, name: &str) -> u8 {
        let interface = self.interface();
        let (to_host, from_host) = self.endpoint_pair();
        let name = self.strings.add(name);
        self.add([9, 4, interface, 0, 2, HID, 0, 0, name]);
        self.add(hid::DESCRIPTOR);
        self.add_endpoint(to_host, INTERRUPT, 8);
        self.add_endpoint(from_host, INTERRUPT, 8);
        interface
    }

    /// A MIDI port with a jack in each direction.
    pub(crate) fn midi(&mut self, prefix: &str) {
        let (audio, midi) = (self.interface(), self.interface());
        let (to_host, from_host) = self.endpoint_pair();
        let midi_name = self.strings.add(&format!("{prefix} MIDI"));
        let audio_name = self.strings.add(&format!("{prefix} Audio"));
        let jack_name = format!("{prefix} usb_midi.ports[0]");
        let (jack_in, jack_out) = (self.strings.add(&jack_name), self.strings.add(&jack_name));
        self.add([9, 4, audio, 0, 0, AUDIO, 1, 0, audio_name]);
        self.add([9, 0x24, 1, 0x00, 0x01, 9, 0, 1, midi]);
        self.add([9, 4, midi, 0, 2, AUDIO, 3, 0, midi_name]);
        self.add([7, 0x24, 1, 0x00, 0x01, 0x25, 0]);
        // Jacks 1 to 4: embedded and external in, embedded and external out.
        self.add([6, 0x24, 2, 1, 1, jack_in]);
        self.add([6, 0x24, 2, 2, 2, 0]);
        self.add([9, 0x24, 3, 1, 3, 1, 2, 1, jack_out]);
        self.add([9, 0x24, 3, 2, 4, 1, 1, 1, 0]);
        self.add_endpoint(from_host, BULK, 0);
        self.add([5, 0x25, 1, 1, 1]);
        self.add_endpoint(to_host, BULK, 0);
        self.add([5, 0x25, 1, 1, 3]);
    }

    pub(crate) fn finish(self) -> Descriptors {
        let length = u16::try_from(9 + self.functions.len()).expect("a board has few functions");
        let [low, high] = length.to_le_bytes();
        // Bus-powered, can wake the host up, 100 mA.
        let mut configuration = vec![9, CONFIGURATION, low, high, self.interfaces, 1, 0, 0xa0, 50];
        configuration.extend(self.functions);
        Descriptors {
            device: self.device,
            configuration,
            strings: self.strings,
        }
    }

    fn add<const N: usize>(&mut self, descriptor: [u8; N]) {
        self.functions.extend(descriptor);
    }

    fn add_endpoint(&mut self, endpoint: Endpoint, attributes: u8, interval: u8) {
        self.add([7, 5, endpoint.address(), attributes, PACKET, 0, interval]);
    }

    fn interface(&mut self) -> u8 {
        let number = self.interfaces;
        self.interfaces += 1;
        number
    }

    fn endpoint(&mut self, is_in: bool) -> Endpoint {
        self.endpoints += 1;
        Endpoint::new(self.endpoints, is_in).expect("a board has few endpoints")
    }

    /// Both directions of one number.
    fn endpoint_pair(&mut self) -> (Endpoint, Endpoint) {
        let to_host = self.endpoint(true);
        self.endpoints -= 1;
        (to_host, self.endpoint(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_in_the_configuration_is_true() {
        let words = DeviceWords {
            vendor_id: 0x239a,
            product_id: 0x80f4,
            manufacturer: "Raspberry Pi".to_owned(),
            product: "Pico".to_owned(),
            serial: "E6614C311B7E6F35".to_owned(),
        };
        let mut builder = Builder::new(&words);
        builder.cdc("CircuitPython CDC");
        builder.cdc("CircuitPython CDC2");
        builder.mass_storage(Some("CircuitPython Mass Storage"));
        builder.hid("CircuitPython HID");
        builder.midi("CircuitPython");
        let descriptors = builder.finish();
        let whole = &descriptors.configuration;
        assert_eq!(
            usize::from(u16::from_le_bytes([whole[2], whole[3]])),
            whole.len()
        );
        let mut rest = &whole[..];
        let (mut interfaces, mut endpoints) = (Vec::new(), Vec::new());
        while let Some(&length) = rest.first() {
            let (descriptor, behind) = rest.split_at(usize::from(length));
            match descriptor[1] {
                4 => interfaces.push(descriptor[2]),
                5 => endpoints.push(descriptor[2]),
                _ => {}
            }
            rest = behind;
        }
        assert_eq!(interfaces, (0..whole[4]).collect::<Vec<_>>());
        // The numbers that CircuitPython gives away with both serial ports on.
        let numbers = [
            0x81, 0x02, 0x82, 0x83, 0x04, 0x84, 0x85, 0x05, 0x86, 0x06, 0x07, 0x87,
        ];
        assert_eq!(endpoints, numbers);
    }
}
