//! Boards whose mass storage is the kernel's own: another reading of the standard than the virtual board's.

use cpy_tests::vm::{Gadget, lab};

#[tokio::test]
async fn the_kernels_own_mass_storage_is_served_and_saved_to() {
    let lab = lab().await;
    let visitor = &lab.visitor;
    let gadget = Gadget::new(&lab.machine, &[]).await;
    let name = gadget.name();
    gadget.plug().await;
    visitor.until(&name, "/fs/code.py", 200).await;
    let saved = visitor.save(&name, "code.py", b"print(1)\n").await;
    assert_eq!(saved.status, 204, "{saved:?}");
    gadget.unplug().await;
    let image = gadget.fetch_image().await;
    assert_eq!(image.image().findings(), "");
    assert_eq!(image.image().read("code.py").unwrap(), b"print(1)\n");
    let gone = visitor.until(&name, "/fs/code.py", 503).await;
    assert!(gone.text.contains("not plugged in"), "{gone:?}");
}
