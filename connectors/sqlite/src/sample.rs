//! Facets of a sample of a table's first rows, as suggestions need of every column: the rows are read once for all of
//! them. SQLite alone would read and sort them once for each.

use tablecast_connector::{Answer, Ask, Error, ErrorKind, FacetKind, Limits, Result, Want, Wanted};
use tablecast_sql::values;

use crate::facet::count_values;
use crate::source::{Inner, facet_answer, one_more, readable, within};

/// The places of the wants that are facets of a sample of rows, those of the same sample together.
pub(crate) fn places(ask: &Ask) -> Vec<Vec<usize>> {
    let mut samples: Vec<(u64, Option<u64>, Vec<usize>)> = Vec::new();
    for (place, wanted) in ask.wants.iter().enumerate() {
        let Want::Facet {
            kind: FacetKind::Column,
            sample: Some(rows),
            ..
        } = wanted.want
        else {
            continue;
        };
        let time = wanted.time_limit_ms;
        match samples
            .iter_mut()
            .find(|sample| (sample.0, sample.1) == (rows, time))
        {
            Some((_, _, places)) => places.push(place),
            None => samples.push((rows, time, vec![place])),
        }
    }
    samples.into_iter().map(|(_, _, places)| places).collect()
}

impl Inner {
    /// The wants at `places`, which are facets of the same sample of rows: read once for all.
    pub(crate) fn sampled(
        &self,
        ask: &Ask,
        places: &[usize],
        limits: &Limits,
    ) -> Vec<Result<Answer>> {
        let wants: Vec<&Wanted> = places
            .iter()
            .filter_map(|place| ask.wants.get(*place))
            .collect();
        match self.sampled_together(ask, &wants, limits) {
            Ok(Some(answers)) => answers.into_iter().map(Ok).collect(),
            // Out of time or cancelled: as each of them would be.
            Err(error) if limits.check().is_err() || error.kind() == ErrorKind::TimedOut => wants
                .iter()
                .map(|_| Err(Error::new(error.kind(), error.message())))
                .collect(),
            // One column may fail where the others do not.
            _ => wants
                .into_iter()
                .map(|wanted| self.answer(ask, wanted, limits))
                .collect(),
        }
    }

    fn sampled_together(
        &self,
        ask: &Ask,
        wants: &[&Wanted],
        limits: &Limits,
    ) -> Result<Option<Vec<Answer>>> {
        if self.schema()?.mentions_collations() {
            return Ok(None);
        }
        let facts = self.facts(&ask.table)?;
        let table = &readable(&facts)?.name;
        let (mut columns, mut facet_limits, mut rows) = (Vec::new(), Vec::new(), None);
        for wanted in wants {
            if let Want::Facet {
                column,
                limit,
                sample,
                ..
            } = &wanted.want
            {
                columns.push(column.as_str());
                facet_limits.push(*limit);
                rows = *sample;
            }
        }
        let limits = wants
            .first()
            .map_or_else(|| limits.clone(), |wanted| within(limits.clone(), wanted));
        let most: Vec<usize> = facet_limits.iter().copied().map(one_more).collect();
        let statement = values(self.syntax, table, &ask.filters, &columns, rows)?;
        let counted = self
            .connections
            .with(|connection| count_values(connection, &statement, &limits, self.file(), &most))?;
        Ok(counted.map(|columns| {
            let answers = columns.into_iter().zip(facet_limits);
            answers
                .map(|(values, limit)| facet_answer(values, limit))
                .collect()
        }))
    }
}
