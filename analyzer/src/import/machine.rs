//! Which machine a record of another tool is of: as far as the record says, and for the rest as the user says.

use model::{Boot, UnixNanos};

/// A machine. What nobody says is empty or `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Host name.
    pub hostname: String,
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub architecture: String,
    /// CPUs.
    pub cpus: Option<u32>,
}

impl Machine {
    /// This one, with what it lacks taken from `other`.
    pub(super) fn or(&self, other: &Machine) -> Machine {
        let text = |mine: &String, theirs: &String| {
            if mine.is_empty() {
                theirs.clone()
            } else {
                mine.clone()
            }
        };
        Machine {
            hostname: text(&self.hostname, &other.hostname),
            kernel: text(&self.kernel, &other.kernel),
            architecture: text(&self.architecture, &other.architecture),
            cpus: self.cpus.or(other.cpus),
        }
    }

    /// The boot that readings of this machine belong to. Tools do not print the kernel's boot id, so that one is made up: the same for
    /// every import of the same host, so that two imports of one day are not taken for two lives of the machine; another one after
    /// each restart that a record tells of.
    pub(super) fn boot(
        &self,
        restarted: Option<UnixNanos>,
        memory_bytes: Option<u64>,
        tz: chrono_tz::Tz,
    ) -> Boot {
        let or_unknown = |text: &String| {
            if text.is_empty() {
                "unknown".to_owned()
            } else {
                text.clone()
            }
        };
        let hostname = or_unknown(&self.hostname);
        let since = restarted.map_or(String::new(), |at| format!(":{}", at.0 / 1_000_000_000));
        Boot {
            boot_id: format!("imported:{hostname}{since}"),
            kernel: or_unknown(&self.kernel),
            machine: self.architecture.clone(),
            // The model has no word for an unknown number of CPUs; no machine has none.
            cpus: self.cpus.unwrap_or(0),
            // Of every machine but some of ARM's and IBM's, which none of these tools tells.
            page_size: 4096,
            clk_tck: 100,
            memory_bytes,
            cmdline: String::new(),
            tz: tz.name().to_owned(),
            hostname,
        }
    }

    /// What is not known, as a note; `None` when all is.
    pub(super) fn note(&self) -> Option<String> {
        let missing = [
            ("host (--host)", self.hostname.is_empty()),
            ("kernel (--kernel)", self.kernel.is_empty()),
            ("number of CPUs (--cpus)", self.cpus.is_none()),
        ];
        let missing: Vec<_> = missing
            .iter()
            .filter(|(_, is)| *is)
            .map(|(what, _)| *what)
            .collect();
        (!missing.is_empty()).then(|| format!("not known: {}", missing.join(", ")))
    }
}
