//! What is on a volume as a value that can be compared.

use std::collections::BTreeMap;

use cpy_fat::{Error, Kind, MAX_TRANSFER, Path, SectorDevice, Volume};

/// A file's content and time, or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File { content: Vec<u8>, modified: u64 },
    Directory,
}

/// All that is on a volume, by path.
pub(crate) type Tree = BTreeMap<String, Node>;

pub(crate) fn read_tree<D: SectorDevice>(volume: &mut Volume<D>) -> Result<Tree, Error> {
    let mut tree = Tree::new();
    let mut pending = vec![Path::root()];
    while let Some(directory) = pending.pop() {
        for entry in volume.list(&directory)? {
            let path = directory.join(entry.name);
            let node = match entry.metadata.kind {
                Kind::Directory => {
                    pending.push(path.clone());
                    Node::Directory
                }
                Kind::File => Node::File {
                    content: read_file(volume, &path)?,
                    modified: entry.metadata.modified.unix_seconds(),
                },
            };
            tree.insert(path.to_string(), node);
        }
    }
    Ok(tree)
}

pub(crate) fn read_file<D: SectorDevice>(
    volume: &mut Volume<D>,
    path: &Path,
) -> Result<Vec<u8>, Error> {
    let mut handle = volume.open_file(path)?;
    let mut content = Vec::new();
    let mut piece = vec![0; MAX_TRANSFER];
    loop {
        let offset = u32::try_from(content.len()).unwrap();
        match volume.read_at(&mut handle, offset, &mut piece)? {
            0 => return Ok(content),
            read => content.extend_from_slice(&piece[..read]),
        }
    }
}

/// A tree without contents, for messages.
pub(crate) fn outline(tree: &Tree) -> String {
    let line = |(path, node): (&String, &Node)| match node {
        Node::File { content, modified } => format!("{path} {} bytes, {modified}\n", content.len()),
        Node::Directory => format!("{path}/\n"),
    };
    tree.iter().map(line).collect()
}
