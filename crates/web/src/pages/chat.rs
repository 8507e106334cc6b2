//! The chat's page, with what it shows first: who one is and the newest of one's rooms, as the API
//! tells them. So the list is there as soon as the page's script is, without asking once more.
use super::to_sign_in;
use crate::{
    api::shapes::{OwnUserShape, RoomShape},
    gate::Gate,
    packed::{self, Piece},
    problem::Problem,
};
use application::{accounts::Profile, chat::Rooms, people::Blocks, ports::Unavailable};
use domain::{history::Limit, id::UserId};
use flate2::Compression;
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderValue, header},
};
use serde::Serialize;
use std::{collections::HashSet, sync::Arc};

/// Rooms that come with the page; more than fit on a screen.
const ROOMS: u64 = 15;
/// Bytes of them. What is left out is there once the page has read the whole list.
const LONGEST: usize = 24 * 1024;

/// What the chat's page begins with.
pub struct Beginning {
    /// Knows who one is.
    pub profile: Profile,
    /// Knows their rooms.
    pub rooms: Rooms,
    /// Knows whom they keep away.
    pub blocks: Blocks,
}

impl Beginning {
    /// As JSON in parts: `{"me": User, "blocked": [id], "rooms": [Room]}`. A room is a part of its own.
    async fn parts(&self, me: UserId) -> Result<Option<Vec<String>>, Unavailable> {
        let first = Limit::of(ROOMS).unwrap_or_default();
        let (user, list, blocked) = tokio::try_join!(
            self.profile.find(me),
            self.rooms.list(me, None, first),
            self.blocks.list(me)
        )?;
        let Some(user) = user else { return Ok(None) };
        let blocked: HashSet<UserId> = blocked.into_iter().map(|user| user.id).collect();
        let blocked =
            list.rooms.iter().map(|room| room.view.other).filter(|id| blocked.contains(id));
        let blocked: Vec<String> = blocked.map(|id| id.to_string()).collect();
        let me = data(&OwnUserShape::from(&user));
        let mut parts = vec![format!("{{\"me\":{me},\"blocked\":{},\"rooms\":[", data(&blocked))];
        let mut space = LONGEST;
        for room in list.rooms {
            let room = data(&RoomShape::from(room));
            let Some(left) = space.checked_sub(room.len()) else { break };
            space = left;
            let comma = if parts.len() > 1 { "," } else { "" };
            parts.push(format!("{comma}{room}"));
        }
        parts.push("]}".to_owned());
        Ok(Some(parts))
    }
}

/// JSON as it may stand within a `<script>`: nothing in it reads as HTML.
fn data(value: &impl Serialize) -> String {
    let mut escaped = String::new();
    for letter in serde_json::to_string(value).unwrap_or_default().chars() {
        match letter {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The chat's page.
#[derive(Clone)]
pub struct ChatPage {
    beginning: Arc<Beginning>,
    gate: Arc<Gate>,
    /// Up to the end of its body, and from there on.
    halves: Arc<[Piece; 2]>,
}

impl ChatPage {
    /// Around the page as everybody gets it.
    pub fn new(html: &str, beginning: Beginning, gate: Arc<Gate>) -> Self {
        let (body, end) = html.rsplit_once("</body>").unwrap_or((html, ""));
        let halves = [body.to_owned(), format!("</body>{end}")];
        let [first, second] = halves.map(|half| Piece::each([half], Compression::best()).remove(0));
        Self { beginning: beginning.into(), gate, halves: Arc::new([first, second]) }
    }
}

impl Endpoint for ChatPage {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let Some(me) = self.gate.recognise(&request).await.map_err(Problem::from)? else {
            return Ok(to_sign_in(&request));
        };
        let parts = match self.beginning.parts(me.user).await {
            Ok(parts) => parts.unwrap_or_default(),
            Err(error) => {
                // The page asks the API, and says if that doesn't answer, either.
                tracing::warn!(%error, "the chat's page goes out without its beginning");
                Vec::new()
            }
        };
        let [first, second] = &*self.halves;
        let mut pieces = vec![first.clone()];
        if !parts.is_empty() {
            let tags = ["<script type=\"application/json\" id=\"beginning\">", "</script>\n"];
            let [open, close] = tags.map(str::to_owned);
            let data = [open].into_iter().chain(parts).chain([close]);
            pieces.extend(Piece::each(data, Compression::default()));
        }
        pieces.push(second.clone());
        let mut response = packed::answer(&request, &pieces);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        // It is somebody's own, and old by the time they come back.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_never_reads_as_html() {
        let text = "</script><!-- & \u{2028}\u{2029} \" é 🦆";
        let data = data(&[text]);
        assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{data}");
        let back: Vec<String> = serde_json::from_str(&data).expect("JSON");
        assert_eq!(back, [text]);
    }
}
