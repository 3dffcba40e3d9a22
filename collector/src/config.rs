//! Where the value of each setting comes from: the command line, else the environment, else the configuration file, else what
//! is built in.
//!
//! Every option of `collector run` is a key of the section `[collector]` (`--keep-age` is `keep_age`) and a variable
//! (`HIGHWATER_KEEP_AGE`), without a list of its own here: what the other two say is given to the command line's own parser, so that
//! an option cannot mean one thing here and another there.

use crate::cli;
use anyhow::Context;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use store::{Configuration, Setting};

/// Options that are about one call and not about how to record.
const NO_SETTINGS: [&str; 5] = ["config", "example", "help", "once", "version"];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    CommandLine,
    Environment(String),
    File(PathBuf, usize),
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::CommandLine => write!(f, "command line"),
            Origin::Environment(name) => write!(f, "${name}"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::BuiltIn => write!(f, "built in"),
        }
    }
}

/// A setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) key: String,
    /// `None`: not set, and nothing is built in.
    pub(crate) value: Option<String>,
    pub(crate) origin: Origin,
}

/// The command line completed by the environment and the configuration file, and where each value came from.
pub(crate) struct Layers {
    pub(crate) arguments: cli::Arguments,
    /// In the order of the options; empty for commands that have no settings.
    pub(crate) effective: Vec<Effective>,
}

/// Understands the command line that the program was started with; ends it where that is wrong.
///
/// # Errors
/// When the environment or the configuration file is wrong.
pub(crate) fn at_start() -> anyhow::Result<Layers> {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Err(error) = cli::Arguments::command().try_get_matches_from(&words) {
        error.exit();
    }
    layers(&words)
}

/// The same again, of a running program: what is wrong is an error.
pub(crate) fn again() -> anyhow::Result<Layers> {
    layers(&std::env::args_os().collect::<Vec<_>>())
}

fn layers(words: &[OsString]) -> anyhow::Result<Layers> {
    let command = cli::Arguments::command();
    let matches = command.clone().try_get_matches_from(words)?;
    // Asked of the command and not of what was given: only clap's debug builds tell there what an option is not.
    let chosen = matches
        .subcommand_name()
        .and_then(|name| command.find_subcommand(name));
    let has = |id: &str| chosen.is_some_and(|chosen| chosen.get_arguments().any(|arg| arg.get_id() == id));
    let mut settings = match matches.subcommand() {
        Some((_, given)) if has("config") => settings(&command, given)?,
        _ => Vec::new(),
    };
    settings.retain(|(arg, _)| has(arg.get_id().as_str()));
    let mut words = words.to_vec();
    for (_, lower) in &settings {
        if let Some(lower) = lower {
            words.extend_from_slice(&lower.words);
        }
    }
    let matches = command.clone().try_get_matches_from(&words)?;
    let given = matches.subcommand().map(|(_, given)| given);
    let effective = settings
        .iter()
        .filter_map(|(arg, lower)| Some(effective(arg, lower.as_ref(), given?)))
        .collect();
    Ok(Layers {
        arguments: cli::Arguments::from_arg_matches(&matches)?,
        effective,
    })
}

/// What the environment or the file says of an option.
struct Lower {
    words: Vec<OsString>,
    origin: Origin,
}

/// Each setting with what takes the place of its built-in value, where the command line says nothing. Everything that the
/// environment and the file say is looked at, also what does not win.
fn settings<'a>(command: &'a Command, given: &ArgMatches) -> anyhow::Result<Vec<(&'a Arg, Option<Lower>)>> {
    let file = match given.get_one::<PathBuf>("config") {
        Some(path) => Configuration::read(path)?,
        None => Configuration::load()?,
    };
    let run = run_command(command);
    let known: Vec<&Arg> = run_settings(run).collect();
    for entry in file.of("collector") {
        if !known.iter().any(|arg| arg.get_id().as_str() == entry.key) {
            let keys: Vec<&str> = known.iter().map(|arg| arg.get_id().as_str()).collect();
            return Err(file
                .wrong(entry, &format!("unknown key; there are {}", keys.join(", ")))
                .into());
        }
    }
    let mut settings = Vec::new();
    for arg in known {
        let id = arg.get_id().as_str();
        let in_file = file.of("collector").find(|entry| entry.key == id);
        let of_file = in_file.map(|entry| {
            let words = words(run, arg, &entry.setting).map_err(|why| file.wrong(entry, &why))?;
            let origin = Origin::File(file.path.clone(), entry.line);
            anyhow::Ok(Lower { words, origin })
        });
        let name = variable(id);
        let in_environment = std::env::var_os(&name).filter(|value| !value.is_empty());
        let of_environment = in_environment.map(|value| {
            let text = value.into_string().ok().context("not UTF-8");
            let words =
                text.and_then(|text| words(run, arg, &of_text(arg, text)).map_err(anyhow::Error::msg));
            let origin = Origin::Environment(name.clone());
            anyhow::Ok(Lower {
                words: words.with_context(|| format!("${name}"))?,
                origin,
            })
        });
        let (of_file, of_environment) = (of_file.transpose()?, of_environment.transpose()?);
        let on_command_line =
            given.try_contains_id(id).is_ok() && given.value_source(id) == Some(ValueSource::CommandLine);
        let lower = of_environment.or(of_file).filter(|_| !on_command_line);
        settings.push((arg, lower));
    }
    Ok(settings)
}

/// `collector run`, whose options are the settings.
fn run_command(command: &Command) -> &Command {
    command.find_subcommand("run").unwrap_or(command)
}

fn run_settings(run: &Command) -> impl Iterator<Item = &Arg> {
    run.get_arguments()
        .filter(|arg| !NO_SETTINGS.contains(&arg.get_id().as_str()))
}

/// `keep_age` is `HIGHWATER_KEEP_AGE`.
fn variable(id: &str) -> String {
    format!("HIGHWATER_{}", id.to_ascii_uppercase())
}

/// A variable's text as what a file would say.
fn of_text(arg: &Arg, text: String) -> Setting {
    match (is_switch(arg), text.as_str()) {
        (true, "1" | "true" | "yes") => Setting::Switch(true),
        (true, "0" | "false" | "no") => Setting::Switch(false),
        _ => Setting::Text(text),
    }
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// A setting as words of the command line, if the command line's parser takes them. An empty text means: not set.
fn words(run: &Command, arg: &Arg, setting: &Setting) -> Result<Vec<OsString>, String> {
    let long = arg.get_long().unwrap_or_default();
    let with = |text: &String| OsString::from(format!("--{long}={text}"));
    let words = match (is_switch(arg), setting) {
        (true, Setting::Switch(true)) => vec![OsString::from(format!("--{long}"))],
        (true, Setting::Switch(false)) => Vec::new(),
        (true, _) => return Err("expected true or false".into()),
        (false, Setting::Switch(_)) => return Err("expected text, found true or false".into()),
        (false, Setting::Text(text)) if text.is_empty() => Vec::new(),
        (false, Setting::Text(text)) => vec![with(text)],
        (false, Setting::List(texts)) => texts.iter().map(with).collect(),
    };
    let tried = run
        .clone()
        .try_get_matches_from(std::iter::once(&OsString::from("run")).chain(&words));
    match tried {
        Err(error) if refuses_value(&error) => Err(reason(&error)),
        _ => Ok(words),
    }
}

/// Whether the value itself is wrong. What is wrong with it beside others is told when all are there.
fn refuses_value(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::ArgumentConflict
    )
}

/// Why a value is refused, in one line.
fn reason(error: &clap::Error) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => format!("{value:?}: "),
        _ => String::new(),
    };
    let why = match error.source() {
        Some(source) => source.to_string(),
        None => match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) => format!("must be one of {}", values.join(", ")),
            _ => error.kind().to_string(),
        },
    };
    format!("{value}{}", why.replace('\n', " "))
}

/// How a setting of this command stands after all.
fn effective(arg: &Arg, lower: Option<&Lower>, given: &ArgMatches) -> Effective {
    let id = arg.get_id().as_str();
    let value = match is_switch(arg) {
        true => Some(given.get_flag(id).to_string()),
        false => given.get_raw(id).map(|values| {
            let values = values.map(|value| value.to_string_lossy().into_owned());
            values.collect::<Vec<_>>().join(" ")
        }),
    };
    let origin = match (given.value_source(id), lower) {
        (_, Some(lower)) => lower.origin.clone(),
        (Some(ValueSource::CommandLine), None) => Origin::CommandLine,
        _ => Origin::BuiltIn,
    };
    Effective {
        key: id.to_owned(),
        value,
        origin,
    }
}

/// `collector config`: a line for each setting, with where it came from.
pub(crate) fn table(effective: &[Effective], database: &Path) -> String {
    let database = database.display().to_string();
    let rows: Vec<(&str, &str, String)> = effective
        .iter()
        .map(|setting| {
            let otherwise = if setting.key == "db" {
                &database
            } else {
                "(not set)"
            };
            let value = setting.value.as_deref().unwrap_or(otherwise);
            (setting.key.as_str(), value, setting.origin.to_string())
        })
        .collect();
    let width = |text: fn(&(&str, &str, String)) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let (keys, values) = (width(|row| row.0.len()), width(|row| row.1.len()));
    let lines = rows
        .iter()
        .map(|(key, value, origin)| format!("{key:<keys$}  {value:<values$}  {origin}\n"));
    lines.collect()
}

/// The section `[collector]` with every key, what it means, and what is built in; all of it commented out.
pub(crate) fn example() -> String {
    let command = cli::Arguments::command();
    let mut text = String::from("[collector]\n");
    // What stands before the sections is said there.
    for arg in run_settings(run_command(&command)).filter(|arg| arg.get_id() != "db") {
        let help = arg.get_long_help().or(arg.get_help());
        for line in help.map(ToString::to_string).unwrap_or_default().lines() {
            text += &format!("\n# {line}");
        }
        let built_in = arg
            .get_default_values()
            .first()
            .map(|value| value.to_string_lossy());
        let value = match (is_switch(arg), built_in) {
            (true, _) => "false".to_string(),
            (false, Some(value)) => format!("{value:?}"),
            (false, None) => "\"\"".to_string(),
        };
        text += &format!("\n#{} = {value}\n", arg.get_id());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_taken_as_it_stands_and_with_every_key_uncommented() {
        let example = example();
        let is_key = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
        let keys = example.lines().filter(is_key).count();
        let open = example.lines().map(|line| {
            let key = Some(line).filter(is_key);
            key.map_or(line, |key| &key[1..]).to_owned() + "\n"
        });
        let open: String = open.collect();
        let folder = tempfile::TempDir::new().unwrap();
        for (text, keys) in [(&example, 0), (&open, keys)] {
            let path = folder.path().join("highwater.toml");
            std::fs::write(&path, text).unwrap();
            let words = ["collector", "config", "--config", path.to_str().unwrap()].map(OsString::from);
            let layers = layers(&words).unwrap();
            let of_file = |e: &&Effective| matches!(e.origin, Origin::File(..));
            let set = layers.effective.iter().filter(of_file).count();
            assert_eq!(set, keys, "{text}");
        }
    }
}
