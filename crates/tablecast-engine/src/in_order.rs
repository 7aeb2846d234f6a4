//! Rows as they come from a scan: partition after partition, filtered, until there are enough.

use tablecast_connector::{Limits, Result};

use crate::planned::Planned;
use crate::selection::Selection;
use crate::stream::{Next, Sink};

/// Passes over `skip` rows and hands the others on.
pub(crate) async fn read(
    planned: Planned,
    mut skip: u64,
    limits: Limits,
    mut sink: Sink,
) -> Result<()> {
    if sink.rows_left() == 0 {
        return Ok(());
    }
    for partition in &planned.scan.partitions {
        let mut stream = planned.scan.reader.open(partition, &limits).await?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let selection = Selection::of(&batch, &planned.condition)?;
            let met = selection.len() as u64;
            let passed_over = skip.min(met);
            skip -= passed_over;
            let part = selection.part(passed_over as usize, sink.rows_left() as usize);
            let rows = part.of_columns(&batch, planned.width)?;
            if sink.send(rows).await? == Next::Enough {
                return Ok(());
            }
        }
    }
    Ok(())
}
