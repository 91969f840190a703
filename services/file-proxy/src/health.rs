//! Whether a drive that is being opened is in order, and what its owner is told where it is not. Nothing is repaired
//! here but what a cut save of this gateway's own has left.

use cpy_board::Serial;
use cpy_board::status::DriveHealth;
use cpy_fat::{Error, FatKind, Finding};

use crate::opened::Volume;

/// Looks at a volume, and gives back the clusters that a cut save has left to nobody. Of FAT32 only the mark is read
/// that says that something may be wrong: on a large card, reading the tables takes minutes.
pub(crate) fn look_over(
    board: &Serial,
    volume: &mut Volume,
) -> Result<(DriveHealth, Option<String>), Error> {
    if volume.kind() == FatKind::Fat32 {
        return Ok(if volume.is_dirty()? {
            diagnosis(board, &Finding::Dirty, 0)
        } else {
            (DriveHealth::Sound, None)
        });
    }
    let mut report = volume.check()?;
    // Where anything else is found, somebody else has left it, and clusters that seem to be nobody's may be all that is
    // left of something.
    let is_unowned = |finding: &Finding| matches!(finding, Finding::Unowned { .. });
    let findings = &report.findings;
    if findings.iter().any(is_unowned) && findings.iter().all(Finding::is_leftover) {
        match volume.free_unowned() {
            Ok(clusters) => {
                tracing::info!(%board, clusters, "freed what a cut save had left");
                report = volume.check()?;
            }
            // They may be the change's that is still in the journal.
            Err(Error::Unsettled(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let Some(first) = report.damage().or(report.findings.first()) else {
        return Ok((DriveHealth::Sound, None));
    };
    tracing::warn!(%board, finding = %first, "the drive is not in order");
    let others = report.findings.len() as u64 - 1 + report.omitted;
    Ok(diagnosis(board, first, others))
}

/// What is said of the gravest finding, and of how many others there are.
fn diagnosis(board: &Serial, first: &Finding, others: u64) -> (DriveHealth, Option<String>) {
    let more = match others {
        0 => String::new(),
        others => format!(", and {others} more"),
    };
    if first.is_harmless() {
        let sentence = format!(
            "The files are whole, but the drive is not in order ({first}{more}): `sudo cpyctl drive repair {board}` \
             mends it."
        );
        (DriveHealth::Disordered, Some(sentence))
    } else {
        let sentence = format!(
            "The drive is damaged ({first}{more}): save its files elsewhere, then `sudo cpyctl drive repair {board}`."
        );
        (DriveHealth::Damaged, Some(sentence))
    }
}
