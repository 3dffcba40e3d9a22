//! /proc/buddyinfo: for each zone the number of free blocks of 2^0, 2^1, … pages.
//!
//! Usually 11 orders, but the kernel's configuration decides, so none is assumed.

use crate::columns::{Columns, Decoded};
use crate::layout::lines;
use crate::zone::Zone;
use model::{Kind, Template, Unit};

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new("buddyinfo", template);
    for line in &lines {
        let Some((zone, heading)) = Zone::heading(line) else {
            continue;
        };
        for (order, at) in (heading..line.tokens.len()).enumerate() {
            // A word between the numbers: no kernel prints that, and what follows is not known to be an order.
            let Some(number) = line.number(at) else { break };
            columns.put(
                number,
                "free_blocks",
                Unit::Count,
                Kind::Gauge,
                zone.order(order as u32),
            );
        }
        columns.keep_unknown(line, &zone.subject());
    }
    columns.finish(&lines)
}
