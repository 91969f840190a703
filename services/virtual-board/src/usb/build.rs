//! Which device the options make: a Pico with CircuitPython, or a stick.

use std::path::Path;

use super::cdc::Cdc;
use super::descriptors::{Builder, Descriptors, DeviceWords};
use super::device::Functions;
use super::mass_storage::MassStorage;
use super::medium::Medium;
use super::options::UsbId;
use super::port::UsbError;
use super::scsi::{InquiryWords, Lun, Slot};
use crate::Options;

/// Adafruit's id for the Pico.
const PICO: UsbId = UsbId {
    vendor: 0x239a,
    product: 0x80f4,
};
const STICK: UsbId = UsbId {
    vendor: 0x0781,
    product: 0x5567,
};

/// Builds the device that the options ask for, with this image in its first drive.
pub(crate) fn build(
    options: &Options,
    image: Option<&Path>,
) -> Result<(Descriptors, Functions), UsbError> {
    let usb = &options.usb;
    let (id, manufacturer, product, revision) = if usb.stick {
        (STICK, "SanDisk", "Cruzer Blade", "1.00")
    } else {
        (PICO, "Raspberry Pi", "Pico", "1.0")
    };
    let id = usb.usb_id.unwrap_or(id);
    let words = DeviceWords {
        vendor_id: id.vendor,
        product_id: id.product,
        manufacturer: usb
            .manufacturer
            .as_deref()
            .unwrap_or(manufacturer)
            .to_owned(),
        product: usb.product.as_deref().unwrap_or(product).to_owned(),
        serial: options.serial.to_string(),
    };
    let drive_words = InquiryWords {
        vendor: words.manufacturer.clone(),
        product: words.product.clone(),
        revision: revision.to_owned(),
    };
    let luns = luns(options, image, drive_words)?;
    let mut builder = Builder::new(&words);
    let mut functions = Functions::default();
    if usb.stick {
        let place = builder.mass_storage(None);
        functions.storage = Some(MassStorage::new(place, luns).cut_after(options.usb.cut_writes));
        return Ok((builder.finish(), functions));
    }
    let prefix = &usb.interface_prefix;
    if !options.no_console {
        functions.console = Some(Cdc::new(builder.cdc(&format!("{prefix} CDC"))));
    }
    if usb.data || usb.two_consoles {
        let name = if usb.data { "CDC2" } else { "CDC" };
        functions.data = Some(Cdc::new(builder.cdc(&format!("{prefix} {name}"))));
    }
    if image.is_some() {
        let place = builder.mass_storage(Some(&format!("{prefix} Mass Storage")));
        functions.storage = Some(MassStorage::new(place, luns).cut_after(options.usb.cut_writes));
    }
    if !usb.bare {
        functions.hid = Some(builder.hid(&format!("{prefix} HID")));
        builder.midi(prefix);
    }
    Ok((builder.finish(), functions))
}

/// The drives: the image, and for a board the slot of a card.
fn luns(
    options: &Options,
    image: Option<&Path>,
    words: InquiryWords,
) -> Result<Vec<Lun>, UsbError> {
    let open = |path: &Path, writable: bool| {
        Medium::open(path, writable).map_err(|source| UsbError::Medium {
            path: path.to_owned(),
            source,
        })
    };
    let first = image
        .map(|path| open(path, !options.read_only))
        .transpose()?;
    let second = options.usb.second_lun.as_deref();
    let has_slot = !options.usb.stick || second.is_some();
    let card = second.map(|path| open(path, true)).transpose()?;
    let mut luns = vec![Lun::new(words.clone(), first, Slot::Fixed)];
    if has_slot {
        luns.push(Lun::new(words, card, Slot::Card));
    }
    Ok(luns)
}
