//! Mail through a real mail server, whatever becomes of it.
use journeys::{
    Browser, PASSWORD, PATIENCE, Server,
    search::{Form, forms, found_in, read_all},
    smtp::{MailServer, Tls},
    unique,
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

const SMTP_PASSWORD: &str = "corkscrew/lantern:99%";

/// A server that sends its mail there. Every word of its log is kept.
fn start(smtp_url: &str, more: &[(&str, &str)]) -> Server {
    let from = ("SOTTO_MAIL_FROM", "Sotto <no-reply@chat.example>");
    let settings = [&[("SOTTO_SMTP_URL", smtp_url), from, ("SOTTO_LOG", "trace")], more].concat();
    Server::start_with(&settings)
}

fn start_with(mail_server: &MailServer) -> Server {
    start(&format!("smtp://{}", mail_server.address()), &[])
}

/// Somebody signs up; gives their address.
async fn sign_up(server: &Server) -> (Browser, String) {
    let (browser, username) = (Browser::new(server), unique("ann"));
    let email = format!("{username}@example.com");
    let form = json!({"username": username, "email": email, "password": PASSWORD});
    browser.post("/api/register", form).await.must(202);
    (browser, email)
}

fn header<'m>(mail: &'m Value, name: &str) -> &'m str {
    let headers = mail["headers"].as_array().expect("headers");
    let mut values = headers.iter().filter(|header| header[0] == name);
    let value = values.next().and_then(|header| header[1].as_str());
    assert!(values.next().is_none(), "{name} stands there once");
    value.unwrap_or_else(|| panic!("no {name} in {headers:?}"))
}

fn code(mail: &Value) -> &str {
    header(mail, "Subject").strip_suffix(" is your Sotto code").expect("a code")
}

/// Which of these secrets are found, in any form.
fn found(files: &[(PathBuf, Vec<u8>)], secrets: &[&str]) -> Vec<String> {
    let mut hits = Vec::new();
    for secret in secrets {
        let forms: Vec<Form> = forms(secret.as_bytes());
        let wanted: Vec<&[u8]> = forms.iter().map(|form| &*form.bytes).collect();
        for (path, bytes) in files {
            let found = found_in(bytes, &wanted).into_iter();
            hits.extend(found.map(|i| format!("{}: {secret} ({})", path.display(), forms[i].name)));
        }
    }
    hits
}

fn found_in_log(server: &Server, secrets: &[&str]) -> Vec<String> {
    found(&[("log".into(), server.output())], secrets)
}

#[tokio::test]
async fn mail_arrives_with_its_headers_and_both_parts() {
    let mail_server = MailServer::start_open();
    let server = start_with(&mail_server);
    let (browser, email) = sign_up(&server).await;
    let mail = mail_server.wait_for_mails(1).await.remove(0);
    assert_eq!(mail["from"], "no-reply@chat.example");
    assert_eq!(mail["to"], json!([email]));
    assert_eq!(header(&mail, "From"), "Sotto <no-reply@chat.example>");
    assert_eq!(header(&mail, "To"), email);
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert!(header(&mail, "Message-ID").ends_with("@127.0.0.1>"), "{mail}");
    assert!(header(&mail, "Content-Type").starts_with("multipart/alternative"), "{mail}");
    assert!(!header(&mail, "Date").is_empty());
    assert_eq!(mail["headers"].as_array().map(Vec::len), Some(8));
    assert_eq!(mail["hello"], "[127.0.0.1]");
    let link = format!("{}/verify-otp/", server.origin());
    for part in ["text", "html"] {
        let part = mail[part].as_str().expect("a part");
        assert!(part.contains(code(&mail)) && part.contains(&link), "{part}");
    }

    let form = json!({"email": email, "code": code(&mail)});
    let me = browser.post("/api/verify-otp", form).await.must(200);
    let welcome = mail_server.wait_for_mails(2).await.remove(1);
    assert_eq!(header(&welcome, "Subject"), "Welcome to Sotto");
    assert!(welcome["text"].as_str().is_some_and(|text| text.contains("/profile/")));
    assert_ne!(header(&welcome, "Message-ID"), header(&mail, "Message-ID"));

    let form = json!({"username": unique("eve"), "email": email, "password": PASSWORD});
    Browser::new(&server).post("/api/register", form).await.must(202);
    let warning = mail_server.wait_for_mails(3).await.remove(2);
    assert_eq!(header(&warning, "Subject"), "You already have a Sotto account");
    let username = me["username"].as_str().expect("a name");
    assert!(warning["text"].as_str().is_some_and(|text| text.contains(username)));

    for path in ["/dev/mailbox/", "/dev/mailbox.json"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(found_in_log(&server, &[&email, code(&mail)]), [""; 0]);
}

#[tokio::test]
async fn a_user_signs_in_over_starttls_and_over_tls_from_the_start() {
    let password = "corkscrew%2Flantern%3A99%25";
    for (tls, scheme, query) in
        [(Tls::StartTls, "smtp", "?tls=required"), (Tls::Implicit, "smtps", "")]
    {
        let mut mail_server = MailServer::prepare(tls);
        mail_server.demand("sotto@mail.example", SMTP_PASSWORD);
        mail_server.start();
        let url =
            format!("{scheme}://sotto%40mail.example:{password}@{}{query}", mail_server.address());
        let certificate = mail_server.certificate();
        let trusted = ("SSL_CERT_FILE", certificate.to_str().expect("UTF-8"));
        let server = start(&url, &[trusted]);
        let (_, email) = sign_up(&server).await;
        let mail = mail_server.wait_for_mails(1).await.remove(0);
        assert_eq!((&mail["to"], &mail["encrypted"]), (&json!([email]), &json!(true)), "{tls:?}");
        assert_eq!(mail["user"], "sotto@mail.example", "{tls:?}");
        assert_eq!(found_in_log(&server, &[SMTP_PASSWORD, password, code(&mail)]), [""; 0]);
    }
}

#[tokio::test]
async fn a_certificate_that_the_system_does_not_trust_gets_no_mail() {
    for (tls, scheme, query) in
        [(Tls::StartTls, "smtp", "?tls=required"), (Tls::Implicit, "smtps", "")]
    {
        let mut mail_server = MailServer::prepare(tls);
        mail_server.start();
        let server = start(&format!("{scheme}://{}{query}", mail_server.address()), &[]);
        sign_up(&server).await;
        let log = server.wait_for_log("it is tried again").await;
        assert!(log.contains("its certificate must be one that this system trusts"), "{log}");
        assert_eq!(mail_server.tries(), 0, "{tls:?}");
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_mail_where_it_is_required() {
    let mail_server = MailServer::start_open();
    let url = format!("smtp://{}?tls=required", mail_server.address());
    let server = start(&url, &[]);
    sign_up(&server).await;
    server.wait_for_log("offers no STARTTLS").await;
    assert_eq!(mail_server.tries(), 0);
}

#[tokio::test]
async fn a_wrong_password_is_named_in_the_log_and_the_mail_waits_for_the_right_one() {
    let mut mail_server = MailServer::prepare(Tls::None);
    mail_server.demand("sotto", "another");
    mail_server.start();
    let server =
        start(&format!("smtp://sotto:corkscrew%2Flantern%3A99%25@{}", mail_server.address()), &[]);
    let (_, email) = sign_up(&server).await;
    server.wait_for_log("refuses our user and password").await;
    server.wait_for_log("code=535").await;
    assert_eq!(mail_server.tries(), 0);
    mail_server.stop();
    mail_server.demand("sotto", SMTP_PASSWORD);
    mail_server.start();
    let mail = mail_server.wait_for_mails(1).await.remove(0);
    assert_eq!(mail["to"], json!([email]));
    assert_eq!(found_in_log(&server, &[SMTP_PASSWORD, &email, code(&mail)]), [""; 0]);
}

#[tokio::test]
async fn a_mail_that_was_accepted_outlives_a_kill_and_rests_in_no_file_in_clear() {
    let mut mail_server = MailServer::prepare(Tls::None);
    let mut server = start_with(&mail_server);
    let (_, email) = sign_up(&server).await;
    server.wait_for_log("it is tried again").await;
    server.kill();
    let files = read_all(server.folder());
    let outbox = rusqlite::Connection::open(server.data_dir().join("sotto.db")).expect("opens");
    let sealed: Vec<u8> = outbox
        .query_row("SELECT sealed FROM outbox", [], |row| row.get(0))
        .expect("one mail waits");
    drop(outbox);

    mail_server.start();
    server.restart();
    let mails = mail_server.wait_for_mails(1).await;
    assert_eq!(mails[0]["to"], json!([email]));
    let link = format!("{}/verify-otp/", server.origin());
    // A sign-up is kept with its address; a mail is not.
    assert_eq!(found(&files, &[code(&mails[0]), &link, "is your Sotto code"]), [""; 0]);
    assert_eq!(found(&[("outbox".into(), sealed)], &[&email, &link]), [""; 0]);
    assert!(!found(&files, &[&email]).is_empty(), "what is there is found");

    server.ask_to_stop();
    assert!(server.wait().success());
    server.restart();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(mail_server.mails().len(), 1, "what was delivered is forgotten");
}

#[tokio::test]
async fn while_the_mail_server_is_away_people_sign_up_and_get_their_mail_when_it_is_back() {
    let mut mail_server = MailServer::prepare(Tls::None);
    let server = start_with(&mail_server);
    let began = Instant::now();
    let (_, ann) = sign_up(&server).await;
    let (_, bob) = sign_up(&server).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    server.wait_for_log("can't be reached").await;
    mail_server.start();
    let mails = mail_server.wait_for_mails(2).await;
    for email in [&ann, &bob] {
        assert_eq!(mails.iter().filter(|mail| mail["to"] == json!([email])).count(), 1);
    }
    assert_eq!(found_in_log(&server, &[&ann, &bob]), [""; 0]);
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let mail_server = MailServer::start_open();
    let server = start_with(&mail_server);
    for mood in ["MAIL 550 not from you", "RCPT 451 later", "DATA 452 full", "drop"] {
        let mails = mail_server.mails().len();
        let email = sign_up_refused(&server, &mail_server, mood, "it is tried again").await;
        let mail = mail_server.wait_for_mails(mails + 1).await.remove(mails);
        assert_eq!(mail["to"], json!([email]), "{mood}");
    }
    let mails = mail_server.mails().len();
    for mood in ["RCPT 550 no such user here", "DATA 554 no"] {
        let email = sign_up_refused(&server, &mail_server, mood, "a mail is given up").await;
        assert_eq!(found_in_log(&server, &[&email, "no such user here"]), [""; 0]);
    }
    let tries = mail_server.tries();
    // Longer than the wait before a second try.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!((mail_server.tries(), mail_server.mails().len()), (tries, mails));
}

/// Somebody signs up while the mail server is in a mood, which passes once that was logged.
async fn sign_up_refused(
    server: &Server,
    mail_server: &MailServer,
    mood: &str,
    logged: &str,
) -> String {
    let count = || String::from_utf8_lossy(&server.output()).matches(logged).count();
    let before = count();
    mail_server.be(mood);
    let (_, email) = sign_up(server).await;
    let deadline = Instant::now() + PATIENCE;
    while count() == before {
        assert!(Instant::now() < deadline, "{mood}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    mail_server.be("");
    email
}

#[tokio::test]
async fn a_slow_mail_server_slows_nobody_who_signs_up() {
    let mail_server = MailServer::start_open();
    mail_server.be("slow 6");
    let server = start_with(&mail_server);
    sign_up(&server).await;
    mail_server.wait_for_tries(1).await;
    let began = Instant::now();
    for _ in 0..6 {
        sign_up(&server).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(mail_server.mails().is_empty(), "none has arrived yet");
    mail_server.be("");
    mail_server.wait_for_mails(7).await;
}

#[tokio::test]
async fn what_is_on_its_way_when_the_server_is_told_to_stop_is_delivered_once() {
    let mail_server = MailServer::start_open();
    mail_server.be("slow 3");
    let mut server = start_with(&mail_server);
    sign_up(&server).await;
    mail_server.wait_for_tries(1).await;
    server.ask_to_stop();
    assert!(server.wait().success());
    assert_eq!(mail_server.mails().len(), 1);
    mail_server.be("");
    server.restart();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((mail_server.mails().len(), mail_server.tries()), (1, 1));
}
