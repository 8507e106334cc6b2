//! What is sent to the server, and how the server goes about it.
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// The commands that look for documents, each with the list of operations in it, if it has one.
const LOOKING: [(&str, Option<&str>); 7] = [
    ("aggregate", None),
    ("count", None),
    ("delete", Some("deletes")),
    ("distinct", None),
    ("find", None),
    ("findAndModify", None),
    ("update", Some("updates")),
];
/// What belongs to a command's way to the server, not to what it asks for.
const ENVELOPE: [&str; 10] = [
    "$clusterTime",
    "$db",
    "$readPreference",
    "autocommit",
    "lsid",
    "maxTimeMS",
    "readConcern",
    "startTransaction",
    "txnNumber",
    "writeConcern",
];
/// Stages that go by an index.
const BY_INDEX: [&str; 7] = [
    "CLUSTERED_IXSCAN",
    "COUNT_SCAN",
    "DISTINCT_SCAN",
    "EXPRESS_CLUSTERED_IXSCAN",
    "EXPRESS_IXSCAN",
    "IDHACK",
    "IXSCAN",
];
/// Stages that no query may need: reading everything, sorting in memory, a collection that is not
/// there to judge by, a join without an index.
const FORBIDDEN: [&str; 6] = ["COLLSCAN", "EOF", "SORT", "$sort", "HashJoin", "NestedLoopJoin"];

/// The looks that were sent: one example for each shape, and one operation in each.
#[derive(Clone, Default)]
pub struct Looks(Arc<Mutex<BTreeMap<String, Document>>>);

impl Looks {
    /// Has these options note what is sent under them.
    pub fn watch(&self, options: &mut ClientOptions) {
        let looks = self.clone();
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                looks.note(&started.command);
            }
        }));
    }

    /// One of each shape.
    pub fn all(&self) -> Vec<Document> {
        self.0.lock().expect("is sound").values().cloned().collect()
    }

    fn note(&self, command: &Document) {
        let name = command.keys().next().cloned().unwrap_or_default();
        let Some((_, list)) = LOOKING.iter().find(|(looking, _)| *looking == name) else {
            return;
        };
        let mut look = command.clone();
        for key in ENVELOPE {
            look.remove(key);
        }
        let operations = list.and_then(|list| command.get_array(list).ok().cloned());
        for operation in operations.unwrap_or_else(|| vec![Bson::Null]) {
            let mut one = look.clone();
            if let Some(list) = list {
                one.insert(*list, vec![operation]);
            }
            let shape = format!("{:?}", shape(&Bson::Document(one.clone())));
            self.0.lock().expect("is sound").insert(shape, one);
        }
    }
}

/// A value without what differs from call to call. Lists of values are one shape however long.
fn shape(value: &Bson) -> Bson {
    match value {
        Bson::Document(document) => document
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect::<Document>()
            .into(),
        Bson::Array(values) => {
            let mut shapes: Vec<_> = values.iter().map(shape).collect();
            shapes.dedup();
            shapes.into()
        }
        // The names of collections and fields matter, and direction.
        Bson::String(name) if name.len() < 24 => value.clone(),
        Bson::Int32(_) => value.clone(),
        other => Bson::String(format!("{:?}", other.element_type())),
    }
}

/// What is wrong with the way in which the server goes about a look; nothing if it is right.
pub async fn faults(database: &Database, look: &Document) -> Vec<String> {
    let mut look = look.clone();
    if look.contains_key("aggregate") {
        look.insert("cursor", doc! {});
    }
    let explain = doc! { "explain": look, "verbosity": "executionStats" };
    let plan = database.run_command(explain).await.expect("explains");
    let mut met = Vec::new();
    collect(&Bson::Document(plan.clone()), &mut met);
    let mut faults: Vec<String> =
        met.iter().filter(|it| FORBIDDEN.contains(&it.as_str())).cloned().collect();
    if !met.iter().any(|it| BY_INDEX.contains(&it.as_str())) {
        faults.push("no index".to_owned());
    }
    lookups(&plan, &mut faults);
    faults
}

/// The stages of the plan that won.
fn collect(value: &Bson, met: &mut Vec<String>) {
    match value {
        Bson::Document(document) => {
            for (key, value) in document {
                match (key.as_str(), value) {
                    ("rejectedPlans" | "executionStats" | "command" | "$lookup", _) => {}
                    ("stage" | "strategy", Bson::String(stage)) => met.push(stage.clone()),
                    ("$sort", _) => met.push(key.clone()),
                    _ => collect(value, met),
                }
            }
        }
        Bson::Array(values) => values.iter().for_each(|value| collect(value, met)),
        _ => {}
    }
}

/// A `$lookup` is to fetch nothing but the one document that it is for: one that scans, or sorts,
/// fetches more.
fn lookups(plan: &Document, faults: &mut Vec<String>) {
    for stage in plan.get_array("stages").into_iter().flatten().filter_map(Bson::as_document) {
        if !stage.contains_key("$lookup") {
            continue;
        }
        let number = |key: &str| match stage.get(key) {
            Some(Bson::Int64(n)) => *n,
            Some(Bson::Int32(n)) => i64::from(*n),
            other => panic!("{key} is {other:?}"),
        };
        if number("collectionScans") > 0 {
            faults.push("$lookup scans".to_owned());
        }
        if number("totalDocsExamined") > number("nReturned") {
            faults.push("$lookup fetches more than it gives".to_owned());
        }
    }
}
