//! Which tables a span has, and which columns each.

use super::{Field, Origin, Table, Type, beside, incidents, processes};
use model::{Column, Subject, TimeSpan};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use store::Reader;

/// What the rows of a table are about, besides their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keys {
    /// The machine.
    Host,
    /// `node`
    Node,
    /// `node`, `zone`
    Zone,
    /// `node`, `zone`, `cpu`
    ZoneCpu,
    /// `node`, `zone`, `page_order`
    Order,
    /// `device`
    Device,
    /// `cpu`
    Cpu,
    /// `cgroup`
    Cgroup,
    /// `cgroup`, `device`
    CgroupDevice,
}

impl Keys {
    /// Those of a subject.
    fn of(subject: &Subject) -> Keys {
        match subject {
            Subject::Host => Keys::Host,
            Subject::Node(_) => Keys::Node,
            Subject::Zone { .. } => Keys::Zone,
            Subject::ZoneCpu { .. } => Keys::ZoneCpu,
            Subject::Order { .. } => Keys::Order,
            Subject::Device(_) => Keys::Device,
            Subject::Cpu(_) => Keys::Cpu,
            Subject::Cgroup(name) if sources::cgroup_device(name).1.is_some() => Keys::CgroupDevice,
            Subject::Cgroup(_) => Keys::Cgroup,
        }
    }

    /// Their columns.
    fn fields(self) -> Vec<Field> {
        let (int, text) = (
            |name| Field::plain(name, Type::Int),
            |name| Field::plain(name, Type::Text),
        );
        match self {
            Keys::Host => vec![],
            Keys::Node => vec![int("node")],
            Keys::Zone => vec![int("node"), text("zone")],
            Keys::ZoneCpu => vec![int("node"), text("zone"), int("cpu")],
            Keys::Order => vec![int("node"), text("zone"), int("page_order")],
            Keys::Device => vec![text("device")],
            Keys::Cpu => vec![int("cpu")],
            Keys::Cgroup => vec![text("cgroup")],
            Keys::CgroupDevice => vec![text("cgroup"), text("device")],
        }
    }

    fn word(self) -> &'static str {
        match self {
            Keys::Host => "host",
            Keys::Node => "node",
            Keys::Zone => "zone",
            Keys::ZoneCpu | Keys::Cpu => "cpu",
            Keys::Order => "order",
            Keys::Device | Keys::CgroupDevice => "device",
            Keys::Cgroup => "cgroup",
        }
    }
}

/// The table that a column of a source belongs to.
pub(super) fn table_of(source: &str, column: &Column) -> (String, Keys) {
    let keys = Keys::of(&column.subject);
    let family = match keys {
        // Control groups are many, their files few: a table for each file.
        Keys::Cgroup | Keys::CgroupDevice => {
            let file = source.rsplit('/').next().unwrap_or(source);
            format!("cgroup_{}", file.replace('.', "_"))
        }
        _ => {
            let family = column.metric.name.split('.').next().unwrap_or(source);
            family.replace('/', "_")
        }
    };
    let main = match family.as_str() {
        "zoneinfo" => Keys::Zone,
        "buddyinfo" => Keys::Order,
        "diskstats" => Keys::Device,
        "cgroup_io_stat" => Keys::CgroupDevice,
        name if name.starts_with("cgroup_") => Keys::Cgroup,
        _ => Keys::Host,
    };
    let name = match (family.as_str(), keys) {
        (_, keys) if keys == main => family,
        ("stat", Keys::Cpu) => "cpu".to_owned(),
        (_, keys) => format!("{family}_{}", keys.word()),
    };
    (name, keys)
}

/// The tables of a span.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Those of kernel files by name, then those beside them.
    pub tables: Vec<Table>,
}

impl Catalog {
    /// What a span has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of(reader: &Reader, span: TimeSpan) -> store::Result<Catalog> {
        Catalog::with(reader, span, &|_| true)
    }

    /// The same, of those tables only whose names are wanted: the others are not looked for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn with(reader: &Reader, span: TimeSpan, wanted: &dyn Fn(&str) -> bool) -> store::Result<Catalog> {
        let mut tables: BTreeMap<String, Builder> = BTreeMap::new();
        for (source, template) in reader.templates(span)? {
            for column in sources::decode(&source, &template).unwrap_or_default() {
                let (name, keys) = table_of(&source, &column);
                if !wanted(&name) {
                    continue;
                }
                let builder = tables.entry(name).or_insert_with(|| Builder::new(keys));
                builder.add(&source, &column);
            }
        }
        let mut tables: Vec<Table> = tables.into_iter().map(|(name, b)| b.table(&name)).collect();
        let beside = beside::What::ALL.iter().map(|what| what.table());
        let beside = beside.chain([processes::table(), incidents::table()]);
        tables.extend(beside.filter(|table| wanted(&table.name)));
        Ok(Catalog { tables })
    }

    /// The name of the table that a column of a source belongs to.
    pub fn table_of(source: &str, column: &Column) -> String {
        table_of(source, column).0
    }

    /// A table by its name.
    pub fn find(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| *table.name == *name)
    }
}

/// A table while its columns are gathered.
struct Builder {
    keys: Keys,
    sources: Vec<Arc<str>>,
    fields: Vec<Field>,
    /// Place in `fields` by metric.
    places: BTreeMap<Arc<str>, usize>,
    taken: HashSet<String>,
}

impl Builder {
    fn new(keys: Keys) -> Builder {
        let mut fields = vec![Field::plain("at", Type::Time)];
        fields.extend(keys.fields());
        Builder {
            keys,
            sources: Vec::new(),
            taken: fields.iter().map(|field| field.name.to_string()).collect(),
            fields,
            places: BTreeMap::new(),
        }
    }

    fn add(&mut self, source: &Arc<str>, column: &Column) {
        if !self.sources.contains(source) {
            self.sources.push(source.clone());
        }
        let values = if column.scale == 0 { Type::Int } else { Type::Float };
        if let Some(&place) = self.places.get(&column.metric.name) {
            if values == Type::Float {
                self.fields[place].values = Type::Float;
            }
            return;
        }
        let name = self.free_name(&column.metric.name);
        self.places.insert(column.metric.name.clone(), self.fields.len());
        self.fields.push(Field {
            name: name.into(),
            values,
            unit: column.metric.unit.symbol().to_owned(),
            kind: Some(column.metric.kind),
            metric: column.metric.name.clone(),
            rate: false,
        });
    }

    /// `meminfo.Active(anon)` is `Active_anon`, as node_exporter writes it.
    fn free_name(&mut self, metric: &str) -> String {
        let own = metric.split_once('.').map_or(metric, |(_, own)| own);
        let fit = |c: char| if c.is_alphanumeric() { c } else { '_' };
        let mut name: String = own.trim_end_matches(')').chars().map(fit).collect();
        while !self.taken.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    fn table(self, name: &str) -> Table {
        let of = |source: &&sources::Source| name.starts_with(&source.name.replace(['/', '.'], "_"));
        let cgroup = |source: &&sources::Source| name == format!("cgroup_{}", source.name.replace('.', "_"));
        let source = match self.keys {
            Keys::Cpu => sources::find("stat"),
            Keys::Cgroup | Keys::CgroupDevice => sources::cgroup_files().iter().find(cgroup),
            _ => sources::all().iter().find(of),
        };
        let source = source.or_else(|| sources::find(self.sources.first()?));
        let about = source.map_or("", |source| source.about);
        let about = match self.keys {
            Keys::Node | Keys::Cpu | Keys::ZoneCpu => format!("of each {}: {about}", self.keys.word()),
            _ => about.to_owned(),
        };
        Table {
            name: name.into(),
            about,
            fields: self.fields,
            origin: Origin::Sources(self.sources),
        }
    }
}
