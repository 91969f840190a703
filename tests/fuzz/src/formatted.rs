//! Volumes that are whole, to be damaged: one of each shape, with files on it.

use std::io::Cursor;
use std::sync::OnceLock;

use cpy_fat::{Caching, SECTOR_SIZE, Timestamp, Volume};

use crate::drive::Drive;

/// How a volume is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub is_fat32: bool,
    pub tables: u8,
    pub reserved: u16,
    /// Sectors of 512 bytes.
    pub cluster: u8,
    pub sectors: u32,
    /// Of one table.
    pub table: u16,
}

pub const SHAPES: [Shape; 5] = [
    // As CircuitPython formats a small board: FAT12 with one table.
    shape(false, 1, 1, 1, 120, 1),
    // The entry of one cluster lies in two sectors of the table.
    shape(false, 1, 1, 1, 400, 2),
    shape(false, 2, 1, 2, 200, 1),
    // FAT16.
    shape(false, 2, 1, 1, 4200, 17),
    shape(true, 2, 4, 1, 300, 3),
];

const fn shape(
    is_fat32: bool,
    tables: u8,
    reserved: u16,
    cluster: u8,
    sectors: u32,
    table: u16,
) -> Shape {
    Shape {
        is_fat32,
        tables,
        reserved,
        cluster,
        sectors,
        table,
    }
}

/// The places that are worth damaging, in bytes: the boot sector, the table, the root directory, all of it.
pub fn regions(shape: Shape) -> [std::ops::Range<usize>; 4] {
    let table = usize::from(shape.reserved) * SECTOR_SIZE;
    let root = table + usize::from(shape.tables) * usize::from(shape.table) * SECTOR_SIZE;
    [
        0..SECTOR_SIZE,
        table..root,
        root..root + 4 * SECTOR_SIZE,
        0..shape.sectors as usize * SECTOR_SIZE,
    ]
}

/// A volume of a shape, in use: files, a directory in a directory, long names, a hole.
pub fn in_use(shape: u8) -> (Shape, Vec<u8>) {
    static MADE: [OnceLock<Vec<u8>>; SHAPES.len()] = [const { OnceLock::new() }; SHAPES.len()];
    let number = usize::from(shape) % SHAPES.len();
    let bytes = MADE[number].get_or_init(|| fill(empty(SHAPES[number])));
    (SHAPES[number], bytes.clone())
}

fn empty(shape: Shape) -> Vec<u8> {
    let mut bytes = vec![0; shape.sectors as usize * SECTOR_SIZE];
    bytes[..11].copy_from_slice(b"\xEB\xFE\x90MSDOS5.0");
    bytes[11..13].copy_from_slice(&512_u16.to_le_bytes());
    bytes[13] = shape.cluster;
    bytes[14..16].copy_from_slice(&shape.reserved.to_le_bytes());
    bytes[16] = shape.tables;
    bytes[21] = 0xF8;
    bytes[32..36].copy_from_slice(&shape.sectors.to_le_bytes());
    bytes[510..512].copy_from_slice(&[0x55, 0xAA]);
    if shape.is_fat32 {
        bytes[36..38].copy_from_slice(&shape.table.to_le_bytes());
        bytes[44] = 2;
        bytes[48] = 1;
        let info = SECTOR_SIZE;
        bytes[info..info + 4].copy_from_slice(b"RRaA");
        bytes[info + 484..info + 488].copy_from_slice(b"rrAa");
        bytes[info + 488..info + 496].fill(0xFF);
        bytes[info + 510..info + 512].copy_from_slice(&[0x55, 0xAA]);
    } else {
        bytes[17] = 64;
        bytes[22..24].copy_from_slice(&shape.table.to_le_bytes());
    }
    for table in 0..shape.tables {
        let first = shape.reserved + u16::from(table) * shape.table;
        let at = usize::from(first) * SECTOR_SIZE;
        let marks: &[u8] = match shape {
            Shape { is_fat32: true, .. } => b"\xF8\xFF\xFF\x0F\xFF\xFF\xFF\x0F\xFF\xFF\xFF\x0F",
            Shape {
                sectors: 4200.., ..
            } => b"\xF8\xFF\xFF\xFF",
            _ => b"\xF8\xFF\xFF",
        };
        bytes[at..at + marks.len()].copy_from_slice(marks);
    }
    bytes
}

fn fill(empty: Vec<u8>) -> Vec<u8> {
    let drive = Drive::new(empty);
    let mut volume = Volume::open(drive.clone(), Caching::Owned).expect("a volume");
    let noon = Timestamp::from_unix_seconds(1_760_702_400);
    let mut save = |path: &str, size: usize| {
        let content = vec![b'x'; size];
        let path = path.parse().unwrap();
        volume
            .save(&path, size as u64, &mut Cursor::new(content), noon)
            .unwrap();
    };
    save("/code.py", 1500);
    save("/hole", 600);
    save("/boot_out.txt", 130);
    save("/settings.toml", 0);
    volume.delete(&"/hole".parse().unwrap()).unwrap();
    volume
        .make_directory(&"/lib/inner".parse().unwrap(), noon)
        .unwrap();
    for number in 0..5 {
        let path = format!("/lib/module number {number}.mpy").parse().unwrap();
        volume
            .save(&path, 700, &mut Cursor::new(vec![number; 700]), noon)
            .unwrap();
    }
    let report = volume.check().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    drive.bytes()
}
