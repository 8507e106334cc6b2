//! A page's modules as one script, put together when the program starts: a browser would ask for
//! each by itself otherwise, and for those they import only once it has read them.
//!
//! Every module becomes a function whose exports are one constant, in the order in which they need
//! each other; what a page loads later stays apart, and takes what is there already from the page's
//! script. No JavaScript is parsed: this knows the few forms of `import` and `export` that our own
//! modules use, each on a line of its own, and refuses every other.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// A module that can't be put into a script.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{module}: {why}")]
pub struct Unbundled {
    module: String,
    why: String,
}

/// Modules by their paths, `folder/name.js`, without the comments on lines of their own.
pub type Modules = BTreeMap<String, String>;

/// A page's script, and the modules that it loads later, by their paths.
#[derive(Debug)]
pub struct Bundle {
    /// Takes the place of the module the page begins with.
    pub script: String,
    /// Take their own places beside it.
    pub later: Modules,
}

impl Bundle {
    /// Of the page that begins with the module `entry`.
    pub fn of(modules: &Modules, entry: &str) -> Result<Self, Unbundled> {
        let mut order = Order { modules, done: Vec::new(), under_way: Vec::new() };
        order.visit(entry)?;
        let at_once: BTreeSet<String> =
            order.done.iter().map(|module| module.path.to_owned()).collect();
        let later = later(modules, &order.done, &at_once)?;
        let mut script = String::new();
        let (page, needed) = order.done.split_last().ok_or_else(|| refusal(entry, "is empty"))?;
        for module in needed {
            write_function(&mut script, module)?;
        }
        write_page(&mut script, page)?;
        let wanted: BTreeSet<String> = later
            .iter()
            .flat_map(|module| &module.imports)
            .filter(|import| at_once.contains(&import.path))
            .map(|import| constant(&import.path))
            .collect();
        if !wanted.is_empty() {
            let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let _ = writeln!(script, "export {{ {} }};", names.join(", "));
        }
        let apart = |module: &Module| (module.path.to_owned(), apart(module, entry, &at_once));
        Ok(Self { script, later: later.iter().map(apart).collect() })
    }
}

/// A module, taken apart.
struct Module<'a> {
    path: &'a str,
    imports: Vec<Import<'a>>,
    exports: Vec<&'a str>,
    /// What it loads once that is wanted.
    later: Vec<String>,
    /// All lines but the imports.
    code: Vec<&'a str>,
}

/// What is taken from another module.
struct Import<'a> {
    /// As it stands between the braces.
    names: &'a str,
    path: String,
    line: &'a str,
}

impl<'a> Module<'a> {
    fn parse(modules: &'a Modules, path: &str) -> Result<Self, Unbundled> {
        let (path, text) =
            modules.get_key_value(path).ok_or_else(|| refusal(path, "is not there"))?;
        // What they load by `import.meta.url` is found from every folder that lies as deep.
        if path.split('/').count() != 2 {
            return Err(refusal(path, "lies not in a folder of `js`"));
        }
        let (mut imports, mut exports, mut later, mut code) = (vec![], vec![], vec![], vec![]);
        for line in text.lines() {
            if line.starts_with("import ") {
                imports.push(parse_import(path, line)?);
                continue;
            }
            later.extend(dynamic_imports(path, line)?.into_iter().map(|(_, found)| found));
            if let Some(declaration) = line.strip_prefix("export ") {
                let name = declared_name(declaration);
                exports.push(name.ok_or_else(|| refusal(path, format!("is no export: {line}")))?);
            }
            code.push(line);
        }
        Ok(Self { path, imports, exports, later, code })
    }
}

/// `import { one, other as another } from '../folder/name.js';`
fn parse_import<'a>(path: &str, line: &'a str) -> Result<Import<'a>, Unbundled> {
    let parts = || {
        let (names, from) = line.strip_prefix("import { ")?.split_once(" } from '")?;
        let code = from.split_once(" //").map_or(from, |(code, _)| code);
        let target = resolve(path, code.strip_suffix("';")?)?;
        Some(Import { names, path: target, line })
    };
    parts().ok_or_else(|| refusal(path, format!("is no import: {line}")))
}

/// The name behind `class`, `function`, `async function` or `const`. Any other may change later,
/// which those who took it would not see.
fn declared_name(declaration: &str) -> Option<&str> {
    let rest = ["class ", "function ", "async function ", "const "]
        .iter()
        .find_map(|kind| declaration.strip_prefix(kind))?;
    let ends = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$');
    let name = &rest[..ends.unwrap_or(rest.len())];
    (!name.is_empty()).then_some(name)
}

/// Where a line says `import('…')`, and of what. Behind a brace it is a type in a comment.
fn dynamic_imports<'a>(path: &str, line: &'a str) -> Result<Vec<(&'a str, String)>, Unbundled> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("import(") {
        let (before, behind) = line.split_at(at);
        if before.ends_with(['{', '.']) || before.contains("/*") {
            continue;
        }
        let target = behind.strip_prefix("import('").and_then(|rest| rest.split_once("')"));
        let target = target.and_then(|(specifier, _)| Some((specifier, resolve(path, specifier)?)));
        found.push(target.ok_or_else(|| refusal(path, format!("loads what?: {line}")))?);
    }
    Ok(found)
}

/// `../folder/name.js` or `./name.js`, seen from a module.
fn resolve(from: &str, specifier: &str) -> Option<String> {
    if let Some(name) = specifier.strip_prefix("./") {
        return Some(format!("{}/{name}", from.split_once('/')?.0));
    }
    specifier.strip_prefix("../").map(str::to_owned)
}

/// Modules in the order in which they can be run.
struct Order<'a> {
    modules: &'a Modules,
    done: Vec<Module<'a>>,
    under_way: Vec<String>,
}

impl Order<'_> {
    fn visit(&mut self, path: &str) -> Result<(), Unbundled> {
        if self.done.iter().any(|module| module.path == path) {
            return Ok(());
        }
        if self.under_way.iter().any(|module| module == path) {
            return Err(refusal(path, "needs itself"));
        }
        self.under_way.push(path.to_owned());
        let module = Module::parse(self.modules, path)?;
        for import in &module.imports {
            self.visit(&import.path)?;
        }
        self.under_way.pop();
        self.done.push(module);
        Ok(())
    }
}

/// What modules load later, with all that needs and is not there by then.
fn later<'a>(
    modules: &'a Modules,
    at_once: &[Module<'a>],
    there: &BTreeSet<String>,
) -> Result<Vec<Module<'a>>, Unbundled> {
    let mut waiting: Vec<(String, String)> = Vec::new();
    for module in at_once {
        waiting.extend(module.later.iter().map(|found| (module.path.to_owned(), found.clone())));
    }
    let mut done: Vec<Module<'a>> = Vec::new();
    while let Some((from, path)) = waiting.pop() {
        if there.contains(&path) {
            return Err(refusal(&from, format!("loads {path} later, which is there at once")));
        }
        if done.iter().any(|module| module.path == path) {
            continue;
        }
        let module = Module::parse(modules, &path)?;
        let needs = module.imports.iter().map(|import| &import.path);
        let needs = needs.filter(|path| !there.contains(*path)).chain(&module.later);
        waiting.extend(needs.map(|found| (path.clone(), found.clone())));
        done.push(module);
    }
    Ok(done)
}

/// What a module's exports are called: `lib_chat_api`. Names in modules have no underscores.
fn constant(path: &str) -> String {
    path.trim_end_matches(".js").replace(['/', '-'], "_")
}

/// `const { one, other: another } = lib_name;`
fn taken(import: &Import) -> String {
    let names = import.names.replace(" as ", ": ");
    format!("const {{ {names} }} = {};", constant(&import.path))
}

fn write_function(script: &mut String, module: &Module) -> Result<(), Unbundled> {
    let name = constant(module.path);
    let _ = writeln!(script, "// {}\nconst {name} = (() => {{", module.path);
    if let Some(line) = module.code.iter().find(|line| waits(line)) {
        return Err(refusal(module.path, format!("waits while it loads: {line}")));
    }
    write_body(script, module)?;
    let _ = writeln!(script, "return {{ {} }};\n}})();", module.exports.join(", "));
    Ok(())
}

/// The last one may wait while it loads.
fn write_page(script: &mut String, module: &Module) -> Result<(), Unbundled> {
    if let Some(name) = module.exports.first() {
        return Err(refusal(module.path, format!("begins a page, and exports {name}")));
    }
    let _ = writeln!(script, "// {}\n{{", module.path);
    write_body(script, module)?;
    script.push_str("}\n");
    Ok(())
}

fn write_body(script: &mut String, module: &Module) -> Result<(), Unbundled> {
    for import in &module.imports {
        let name = constant(&import.path);
        if module.code.iter().any(|line| line.contains(&name)) {
            return Err(refusal(module.path, format!("has a name like {name}")));
        }
        let _ = writeln!(script, "{}", taken(import));
    }
    for line in &module.code {
        let mut moved = line.strip_prefix("export ").unwrap_or(line).to_owned();
        for (specifier, path) in dynamic_imports(module.path, line)? {
            moved =
                moved.replace(&format!("import('{specifier}')"), &format!("import('../{path}')"));
        }
        let _ = writeln!(script, "{moved}");
    }
    Ok(())
}

/// Whether a statement of the module itself waits, as far as its first line tells.
fn waits(line: &str) -> bool {
    let own = !line.starts_with([' ', '}', ')']);
    own && line.contains("await ") && !line.contains("async ")
}

/// A module that is loaded later, with what is there already taken from the page's script.
fn apart(module: &Module, entry: &str, there: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for import in &module.imports {
        if there.contains(&import.path) {
            let name = constant(&import.path);
            let _ = writeln!(text, "import {{ {name} }} from '../{entry}';\n{}", taken(import));
        } else {
            let _ = writeln!(text, "{}", import.line);
        }
    }
    for line in &module.code {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn refusal(module: &str, why: impl Into<String>) -> Unbundled {
    Unbundled { module: module.to_owned(), why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(texts: &[(&str, &str)]) -> Modules {
        texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn modules_become_functions_in_the_order_in_which_they_need_each_other() {
        let modules = modules(&[
            ("pages/a.js", "import { b as c } from '../lib/b.js';\nstart(await c());\n"),
            (
                "lib/b.js",
                "import { d } from './d-e.js'; // needed\nexport async function b() {\n  d();\n}\n",
            ),
            ("lib/d-e.js", "export const d = () => {};\nexport class F {}\n"),
            ("lib/nobody.js", "export const wanted = 1;\n"),
        ]);
        let bundle = Bundle::of(&modules, "pages/a.js").expect("a bundle");
        assert_eq!(
            bundle.script,
            "// lib/d-e.js\nconst lib_d_e = (() => {\nconst d = () => {};\nclass F {}\nreturn { d, F };\n})();\n\
             // lib/b.js\nconst lib_b = (() => {\nconst { d } = lib_d_e;\nasync function b() {\n  d();\n}\nreturn { b };\n})();\n\
             // pages/a.js\n{\nconst { b: c } = lib_b;\nstart(await c());\n}\n"
        );
        assert!(bundle.later.is_empty());
    }

    #[test]
    fn what_is_loaded_later_takes_what_is_there_from_the_script() {
        let modules = modules(&[
            ("pages/a.js", "import { b } from '../lib/b.js';\nb(() => import('../views/c.js'));\n"),
            ("lib/b.js", "export const b = 1;\n"),
            (
                "views/c.js",
                "import { b as x } from '../lib/b.js';\nimport { d } from './d.js';\nexport function c() {\n  x(d);\n}\n",
            ),
            (
                "views/d.js",
                "export const d = () => import('./e.js'); /** @type {import('./f.js').F} */\n",
            ),
            ("views/e.js", "f();\n"),
        ]);
        let bundle = Bundle::of(&modules, "pages/a.js").expect("a bundle");
        assert!(bundle.script.contains("b(() => import('../views/c.js'));"), "{}", bundle.script);
        assert!(bundle.script.ends_with("export { lib_b };\n"), "{}", bundle.script);
        let paths: Vec<&str> = bundle.later.keys().map(String::as_str).collect();
        assert_eq!(paths, ["views/c.js", "views/d.js", "views/e.js"]);
        assert_eq!(
            bundle.later["views/c.js"],
            "import { lib_b } from '../pages/a.js';\nconst { b: x } = lib_b;\n\
             import { d } from './d.js';\nexport function c() {\n  x(d);\n}\n"
        );
        assert_eq!(bundle.later["views/d.js"], modules["views/d.js"], "as it was written");
    }

    #[test]
    fn a_module_loaded_from_another_folder_is_found_from_the_script() {
        let modules = modules(&[
            ("pages/a.js", "import { b } from '../models/b.js';\nb();\n"),
            ("models/b.js", "export const b = () => import('./c.js');\n"),
            ("models/c.js", "export const c = 1;\n"),
        ]);
        let bundle = Bundle::of(&modules, "pages/a.js").expect("a bundle");
        assert!(bundle.script.contains("import('../models/c.js')"), "{}", bundle.script);
    }

    #[test]
    fn whatever_is_not_known_is_refused_by_its_module() {
        for (text, why) in [
            ("import b from './b.js';", "is no import: import b from './b.js';"),
            ("import {", "is no import: import {"),
            ("import { b } from 'b';", "is no import: import { b } from 'b';"),
            ("import { b } from './c.js';", ""),
            ("export default 1;", "is no export: export default 1;"),
            ("export let b = 1;", "is no export: export let b = 1;"),
            ("export { b };", "is no export: export { b };"),
            ("export const { b } = c;", "is no export: export const { b } = c;"),
            ("import(b);", "loads what?: import(b);"),
            ("const b = await c;", "waits while it loads: const b = await c;"),
            ("import { b } from './b.js';", "needs itself"),
            ("import('../pages/a.js');", "loads pages/a.js later, which is there at once"),
            ("import { f } from './d.js';\nconst lib_d = 1;", "has a name like lib_d"),
        ] {
            let modules = modules(&[
                ("pages/a.js", "import { b } from '../lib/b.js';\nb();\n"),
                ("lib/b.js", text),
                ("lib/d.js", "export const f = 1;\n"),
            ]);
            let refused = Bundle::of(&modules, "pages/a.js").expect_err(text).to_string();
            let module = if why.is_empty() { "lib/c.js: is not there" } else { "lib/b.js: " };
            assert_eq!(refused, format!("{module}{why}"));
        }
    }

    #[test]
    fn a_page_keeps_to_itself() {
        let modules = modules(&[("pages/a.js", "export const a = 1;\n")]);
        let refused = Bundle::of(&modules, "pages/a.js").expect_err("an export").to_string();
        assert_eq!(refused, "pages/a.js: begins a page, and exports a");
    }
}
