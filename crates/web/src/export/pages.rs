//! What an export holds for people to read: pages that need no server, no script and nothing from
//! anywhere else. Whatever somebody wrote is text.
use super::documents::{PICTURE, file_path};
use application::{
    accounts::{Conversation, Records},
    chat::{Content, OpenedMessage},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use domain::{Timestamp, id::UserId, rfc3339, room::Standing, user::User};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fmt::{self, Display, Write},
};

/// Messages of one page.
pub const MESSAGES: u64 = 2_000;

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1c1f26;--quiet:#555a66;--page:#fff;--mine:#e2ebff;--link:#1f4fbf}\
@media(prefers-color-scheme:dark){:root{--text:#e8e9ed;--quiet:#b4b8c2;--page:#15171c;--mine:#22304f;--link:#9db8ff}}\
body{max-width:44rem;margin:0 auto;padding:1rem;background:var(--page);color:var(--text);\
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\
a{color:var(--link)}\
h1{font-size:1.4rem}\
h2{margin:2rem 0 1rem;font-size:.9rem;text-align:center;color:var(--quiet)}\
article{max-width:85%;width:fit-content;margin:.5rem 0;padding:.5rem .8rem;border:1px solid #8886;border-radius:.8rem}\
article.mine{margin-left:auto;background:var(--mine)}\
article p{margin:.2rem 0;white-space:pre-wrap}\
article header,article footer,.quiet{font-size:.85rem;color:var(--quiet)}\
nav{display:flex;justify-content:space-between;flex-wrap:wrap;gap:1rem;margin:1rem 0}\
li{margin:.4rem 0}\
dt{font-weight:600}dd{margin:0 0 .5rem}";

/// A text that stands for itself in HTML, in an attribute as well.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => to.write_str("&amp;")?,
                '<' => to.write_str("&lt;")?,
                '>' => to.write_str("&gt;")?,
                '"' => to.write_str("&quot;")?,
                '\'' => to.write_str("&#39;")?,
                other => to.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Adds to a page. Writing into a string never fails.
macro_rules! add {
    ($page:expr, $($words:tt)*) => {{
        let _ = write!($page, $($words)*);
    }};
}

/// What somebody is called.
pub fn name_of(user: Option<&User>) -> String {
    let Some(user) = user else { return "Deleted account".to_owned() };
    let (first, last) = (user.first_name.as_str(), user.last_name.as_str());
    let full = format!("{first} {last}");
    match full.trim() {
        "" => user.username.as_str().to_owned(),
        names => format!("{names} (@{})", user.username.as_str()),
    }
}

/// The beginning of a page. Should a browser be fooled after all, it may still load and run nothing.
fn begin(title: &str) -> String {
    let style = BASE64.encode(Sha256::digest(STYLE.as_bytes()));
    let title = Text(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1 dir=\"auto\">{title}</h1>\n"
    )
}

/// The end of every page.
pub const END: &str = "</main>\n</body>\n</html>\n";

/// The beginning of `index.html`, up to the list of conversations.
pub fn index(records: &Records, conversations: usize) -> String {
    let user = &records.user;
    let mut page = begin("Your Sotto data");
    add!(page, "<dl>\n");
    for (what, said) in [
        ("Username", user.username.as_str()),
        ("First name", user.first_name.as_str()),
        ("Last name", user.last_name.as_str()),
        ("Email", user.email.as_str()),
        ("Joined", &in_words(user.joined_at)),
        ("Downloaded", &in_words(records.read_at)),
    ] {
        if !said.is_empty() {
            add!(page, "<dt>{what}</dt><dd dir=\"auto\">{}</dd>\n", Text(said));
        }
    }
    add!(page, "</dl>\n<ul>\n");
    if records.picture.is_some() {
        add!(page, "<li><a href=\"{PICTURE}\">Your picture</a></li>\n");
    }
    for (file, what) in [
        ("account.json", "Your account"),
        ("devices.json", "Where you are signed in, and were"),
        ("blocks.json", "Whom you block"),
        ("rooms.json", "Your conversations"),
    ] {
        add!(page, "<li><a href=\"{file}\">{what}</a>, for programs</li>\n");
    }
    add!(page, "</ul>\n<h2>Conversations: {conversations}</h2>\n<ul>\n");
    page
}

/// One of the list of conversations.
pub fn entry(conversation: &Conversation, other: Option<&User>) -> String {
    let request = if conversation.standing == Standing::Open { "" } else { ", a request" };
    format!(
        "<li><a dir=\"auto\" href=\"rooms/{}/{}\">{}</a> <span class=\"quiet\">{} messages{request}</span></li>\n",
        conversation.room,
        file_name(1),
        Text(&name_of(other)),
        conversation.last_seq,
    )
}

/// The end of `index.html`.
pub fn index_end() -> String {
    format!("</ul>\n{END}")
}

/// How many pages a conversation fills.
pub fn pages(conversation: &Conversation) -> u64 {
    conversation.last_seq.div_ceil(MESSAGES).max(1)
}

/// What page `n` of a conversation is called.
pub fn file_name(n: u64) -> String {
    format!("messages-{n}.html")
}

/// One page of a conversation, written message by message.
pub struct Page {
    me: UserId,
    names: [String; 2],
    number: u64,
    of: u64,
    day: String,
    /// The messages of this page, which others may answer.
    here: HashSet<String>,
}

impl Page {
    /// Page `number` of a conversation that oneself has with another.
    pub fn new(me: &User, other: Option<&User>, conversation: &Conversation, number: u64) -> Self {
        Self {
            me: me.id,
            names: [name_of(Some(me)), name_of(other)],
            number,
            of: pages(conversation),
            day: String::new(),
            here: HashSet::new(),
        }
    }

    /// Its beginning.
    pub fn begin(&self) -> String {
        let mut page = begin(&self.names[1]);
        add!(page, "<p class=\"quiet\">Times are in UTC.</p>\n");
        self.navigate(&mut page, "Above");
        page
    }

    /// Its end.
    pub fn end(&self) -> String {
        let mut page = String::new();
        self.navigate(&mut page, "Below");
        page.push_str(END);
        page
    }

    fn navigate(&self, page: &mut String, label: &str) {
        add!(
            page,
            "<nav aria-label=\"{label}\"><a href=\"../../index.html\">All conversations</a>"
        );
        if self.of > 1 {
            if self.number > 1 {
                add!(page, "<a href=\"{}\">Earlier</a>", file_name(self.number - 1));
            }
            add!(page, "<span>Page {} of {}</span>", self.number, self.of);
            if self.number < self.of {
                add!(page, "<a href=\"{}\">Later</a>", file_name(self.number + 1));
            }
        }
        add!(page, "</nav>\n");
    }

    /// One more message.
    pub fn add(&mut self, opened: &OpenedMessage, page: &mut String) {
        let message = &opened.message;
        let day = message.sent_at.format("%-d %B %Y").to_string();
        if day != self.day {
            add!(page, "<h2>{day}</h2>\n");
            self.day = day;
        }
        let id = message.id.to_string();
        let class = if message.sender == self.me { "mine" } else { "theirs" };
        add!(page, "<article id=\"{id}\" class=\"{class}\"><header><b dir=\"auto\">");
        add!(page, "{}</b> ", Text(self.name(message.sender)));
        let time = message.sent_at.format("%H:%M");
        add!(page, "<time datetime=\"{}\">{time}</time>", rfc3339(message.sent_at));
        if message.edited_at.is_some() {
            page.push_str(", edited");
        }
        if let Some(answered) = message.reply_to.map(|id| id.to_string()) {
            if self.here.contains(&answered) {
                add!(page, ", answers <a href=\"#{answered}\">this</a>");
            } else {
                page.push_str(", answers an earlier message");
            }
        }
        page.push_str("</header>");
        match &opened.content {
            Content::Text(body) if body.as_str().is_empty() => {}
            Content::Text(body) => add!(page, "<p dir=\"auto\">{}</p>", Text(body.as_str())),
            Content::Deleted => page.push_str("<p class=\"quiet\">Deleted</p>"),
            Content::Unreadable => page.push_str("<p class=\"quiet\">Can’t be read</p>"),
        }
        for (n, file) in opened.attachments.iter().enumerate() {
            let name = file.details.as_ref().map_or("Can’t be read", |told| told.name.as_str());
            let (path, name) = (file_path(opened, n), Text(name));
            add!(page, "<p>File: <a href=\"{path}\"><bdi>{name}</bdi></a></p>");
        }
        if !message.reactions.is_empty() {
            page.push_str("<footer>");
            for reaction in &message.reactions {
                let (emoji, who) = (Text(reaction.emoji.as_str()), Text(self.name(reaction.user)));
                add!(page, "{emoji} <bdi>{who}</bdi> ");
            }
            page.push_str("</footer>");
        }
        page.push_str("</article>\n");
        self.here.insert(id);
    }

    fn name(&self, user: UserId) -> &str {
        &self.names[usize::from(user != self.me)]
    }
}

fn in_words(at: Timestamp) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_is_text() {
        let hostile = "</p><script>alert('1')</script><img src=x onerror=\"a\">&amp; 👍\n";
        let shown = Text(hostile).to_string();
        assert!(!shown.contains(['<', '>', '"', '\'']), "{shown}");
        assert!(shown.ends_with("&amp;amp; 👍\n"), "{shown}");
    }

    #[test]
    fn a_page_lets_its_own_style_through_and_nothing_else() {
        let page = begin("<b>");
        let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next());
        let digest = BASE64.encode(Sha256::digest(style.expect("a style").as_bytes()));
        assert!(page.contains(&format!("default-src 'none'; style-src 'sha256-{digest}'")));
        assert!(page.contains("<title>&lt;b&gt;</title>") && !page.contains("<script"));
    }
}
