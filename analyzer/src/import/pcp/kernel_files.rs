//! Records as lines of /proc/vmstat and /proc/meminfo.

use super::names::MEMINFO;
use super::records::Records;
use crate::import::Result;
use crate::import::snapshots::Found;
use model::{Template, UnixNanos};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of vmstat and meminfo.
pub(super) struct KernelFiles {
    records: Records,
    /// Where in a row stands which line of meminfo, and of vmstat.
    meminfo: Vec<(usize, &'static str)>,
    vmstat: Vec<(usize, String)>,
    templates: BTreeMap<&'static str, Arc<Template>>,
    ready: Vec<Found>,
}

impl KernelFiles {
    pub(super) fn new(records: Records) -> KernelFiles {
        let place = |name: &str| records.header.iter().position(|other| other == name);
        let meminfo = MEMINFO
            .iter()
            .filter_map(|&(metric, name)| Some((place(metric)?, name)))
            .collect();
        let of_vmstat = |(i, name): (usize, &String)| Some((i, name.strip_prefix("mem.vmstat.")?.to_owned()));
        let vmstat = records.header.iter().enumerate().filter_map(of_vmstat).collect();
        KernelFiles {
            records,
            meminfo,
            vmstat,
            templates: BTreeMap::new(),
            ready: Vec::new(),
        }
    }

    fn found(&mut self, at: UnixNanos, source: &'static str, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut values = Vec::new();
        let template = match self.templates.get(source) {
            Some(template) if template.read(text.as_bytes(), &mut values) => template.clone(),
            _ => {
                let (template, parsed) = Template::parse(text.as_bytes(), None);
                values = parsed;
                Arc::new(template)
            }
        };
        self.templates.insert(source, template.clone());
        self.ready.push(Found {
            at,
            source,
            template,
            values,
        });
    }
}

impl Iterator for KernelFiles {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Result<Found>> {
        while self.ready.is_empty() {
            let (at, words) = match self.records.next().transpose()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            // Whole numbers only: a value that pmrep scaled would be no line of the kernel's.
            let is_whole =
                |at: &usize| !words[*at].is_empty() && words[*at].bytes().all(|b| b.is_ascii_digit());
            let line =
                |(at, name): &(usize, &str)| is_whole(at).then(|| format!("{name}: {} kB\n", words[*at]));
            let meminfo: String = self.meminfo.iter().filter_map(line).collect();
            let line =
                |(at, name): &(usize, String)| is_whole(at).then(|| format!("{name} {}\n", words[*at]));
            let vmstat: String = self.vmstat.iter().filter_map(line).collect();
            self.found(at, "meminfo", &meminfo);
            self.found(at, "vmstat", &vmstat);
        }
        Some(Ok(self.ready.remove(0)))
    }
}
