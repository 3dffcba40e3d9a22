//! What packaging/Containerfile and packaging/daemonset.yaml say, as far as it can be checked without a cluster.

use crate::workspace;
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What an image starts.
pub(super) struct Container {
    pub(super) environment: Vec<(String, String)>,
    pub(super) command: Vec<String>,
}

/// Reads the Containerfile.
pub(super) fn container() -> Result<Container> {
    let text = std::fs::read_to_string(workspace::root().join("packaging/Containerfile"))?;
    let mut container = Container {
        environment: Vec::new(),
        command: Vec::new(),
    };
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("ENV", variables)) => {
                let pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
                container
                    .environment
                    .extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            Some(("ENTRYPOINT" | "CMD", words)) => {
                let words: Vec<String> = serde_json::from_str(words).with_context(|| line.to_owned())?;
                container.command.extend(words);
            }
            _ => {}
        }
    }
    ensure!(!container.command.is_empty(), "the Containerfile starts nothing");
    Ok(container)
}

/// The parts of the manifest that the collector must understand.
pub(super) struct Pods {
    pub(super) arguments: Vec<String>,
    /// The configuration file's text.
    pub(super) configuration: String,
}

/// Reads the manifest, and checks what it must say for the collector to see its node and to do no harm there.
pub(super) fn daemon_set() -> Result<Pods> {
    let text = std::fs::read_to_string(workspace::root().join("packaging/daemonset.yaml"))?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).context("packaging/daemonset.yaml")?;
    let of_kind = |kind: &str| {
        let found = documents.iter().find(|document| document["kind"] == kind);
        found.with_context(|| format!("no {kind}"))
    };
    let spec = &of_kind("DaemonSet")?["spec"]["template"]["spec"];
    ensure!(
        spec["hostPID"] == true,
        "without hostPID it sees no process of the node"
    );
    ensure!(
        spec["tolerations"][0]["operator"] == "Exists",
        "some nodes are left out"
    );
    let container = &spec["containers"][0];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mounts = list(&container["volumeMounts"]);
    for (name, path) in [("proc", "/host/proc"), ("sys", "/host/sys")] {
        let mount = mounts.iter().find(|mount| mount["name"] == name);
        let mount = mount.with_context(|| format!("{name} is not mounted"))?;
        ensure!(mount["mountPath"] == path && mount["readOnly"] == true, "{mount}");
    }
    let volumes: Vec<Value> = list(&spec["volumes"])
        .iter()
        .map(|volume| volume["name"].clone())
        .collect();
    ensure!(
        mounts.iter().all(|mount| volumes.contains(&mount["name"])),
        "what is mounted is not there"
    );
    let context = &container["securityContext"];
    ensure!(
        context["readOnlyRootFilesystem"] == true && context["capabilities"]["drop"][0] == "ALL",
        "{context}"
    );
    for path in [
        "/resources/limits/memory",
        "/resources/requests/cpu",
        "/livenessProbe/httpGet",
        "/readinessProbe/httpGet",
    ] {
        ensure!(container.pointer(path).is_some(), "no {path}");
    }
    let selected = &of_kind("DaemonSet")?["spec"]["selector"]["matchLabels"];
    let labels = &of_kind("DaemonSet")?["spec"]["template"]["metadata"]["labels"];
    ensure!(selected == labels, "the selector does not find its pods");
    let arguments = list(&container["args"]);
    let arguments = arguments.iter().filter_map(Value::as_str).map(ToOwned::to_owned);
    let configuration = of_kind("ConfigMap")?["data"]["highwater.toml"].as_str();
    Ok(Pods {
        arguments: arguments.collect(),
        configuration: configuration.context("no configuration")?.to_owned(),
    })
}
