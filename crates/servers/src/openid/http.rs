//! Just enough HTTP/1.1, a thread for each connection.
use super::{Mood, State};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Answers until the test program ends.
pub fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = state.clone();
            // A client that leaves half-way is its own business.
            thread::spawn(move || answer(stream, &state).ok());
        }
    });
}

struct Question {
    path: String,
    authorization: String,
    form: HashMap<String, String>,
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let question = read(&stream)?;
    let (mood, answer) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        *state.asked.entry(question.path.clone()).or_default() += 1;
        (state.mood.clone(), reply(&mut state, &question))
    };
    match mood {
        Mood::Silent => {
            // Until the client has had enough.
            let _ = stream.read(&mut [0]);
            Ok(())
        }
        Mood::Broken => write(&mut stream, "500 Internal Server Error", "", "<h1>sorry</h1>"),
        Mood::Elsewhere(url) => {
            write(&mut stream, "302 Found", &format!("location: {url}\r\n"), "")
        }
        Mood::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"a\":\"")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        }
        Mood::Fine | Mood::Foreign | Mood::Careless => {
            let (status, body) = answer;
            write(&mut stream, status, "content-type: application/json\r\n", &body.to_string())
        }
    }
}

fn reply(state: &mut State, question: &Question) -> (&'static str, Value) {
    match &*question.path {
        "/.well-known/openid-configuration" => ("200 OK", state.metadata()),
        "/jwks" => ("200 OK", state.keys()),
        "/token" => match state.redeem(&question.authorization, &question.form) {
            Ok(tokens) => ("200 OK", tokens),
            Err(code) => ("400 Bad Request", json!({ "error": code })),
        },
        _ => ("404 Not Found", json!({})),
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Question> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut authorization, mut length) = (String::new(), 0);
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match &*name.to_lowercase() {
            "authorization" => value.trim().clone_into(&mut authorization),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    Ok(Question { path, authorization, form })
}

fn write(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
