//! Signing in with Google, from the button to the profile, against a provider with real signatures.
use journeys::{Answer, Browser, PASSWORD, Person, Phone, Server, run, unique};
use reqwest::Method;
use serde_json::{Value, json};
use servers::openid::{Account, CLIENT_ID, CLIENT_SECRET, Lie, Mood, OpenIdProvider};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::time::timeout;

const NEW: &str = "velvet tractor plum";
/// Longer than Sotto lets anybody wait for a provider.
const BOUND: Duration = Duration::from_secs(7);

/// A server and the provider it sends people to.
struct House {
    server: Server,
    provider: OpenIdProvider,
}

impl House {
    /// With more settings.
    fn build(settings: &[(&str, &str)]) -> Self {
        let provider = OpenIdProvider::start();
        let issuer = provider.issuer();
        let google = [
            ("SOTTO_GOOGLE_CLIENT_ID", CLIENT_ID),
            ("SOTTO_GOOGLE_CLIENT_SECRET", CLIENT_SECRET),
            ("SOTTO_GOOGLE_ISSUER", &*issuer),
        ];
        let server = Server::start_with(&[&google[..], settings].concat());
        Self { server, provider }
    }

    fn unlimited() -> Self {
        Self::build(&[("SOTTO_RATE_LIMITS", "off")])
    }

    /// Presses the button, and signs in there.
    async fn depart(&self, browser: &Browser, account: &Account, lie: Option<Lie>) -> String {
        let sent_to = self.sent_to(browser, "/auth/google/").await;
        self.provider.consent_with(&sent_to, account, lie)
    }

    /// Presses the button.
    async fn sent_to(&self, browser: &Browser, path: &str) -> String {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("location").to_owned()
    }

    /// Comes back from the provider.
    async fn come_back(&self, browser: &Browser, back: &str) -> Answer {
        let path = back.strip_prefix(&self.server.public_url()).expect("back to the public URL");
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer
    }

    /// All of it with a new browser.
    async fn visit(&self, account: &Account, lie: Option<Lie>) -> (Browser, Answer) {
        let browser = Browser::new(&self.server);
        let back = self.depart(&browser, account, lie).await;
        let answer = self.come_back(&browser, &back).await;
        (browser, answer)
    }

    /// Somebody whom nobody knows yet, signed in.
    async fn arrive(&self, name: &str) -> (Browser, Account) {
        let account = somebody(name);
        let (browser, answer) = self.visit(&account, None).await;
        assert_eq!(landed(&answer), "/profile/");
        (browser, account)
    }

    /// Leaves to link the account that is signed in to, and comes back.
    async fn link(&self, browser: &Browser, account: &Account) -> Answer {
        let departure = browser.ask(Method::POST, "/api/me/google").await.must(200);
        let sent_to = departure["url"].as_str().expect("an address");
        self.come_back(browser, &self.provider.consent(sent_to, account)).await
    }

    async fn subjects_to(&self, email: &str) -> Vec<String> {
        let mails = self.server.mails_to(email).await;
        mails.into_iter().map(|mail| mail.subject).collect()
    }
}

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(House::unlimited)
}

/// An account at the provider that nobody has used yet.
fn somebody(name: &str) -> Account {
    let name = unique(name);
    Account::new(&format!("subject of {name}"), &format!("{name}@example.com"))
}

/// Where a browser is sent to.
fn landed(answer: &Answer) -> &str {
    answer.header("location")
}

async fn me(browser: &Browser) -> Value {
    browser.get("/api/me").await.must(200)
}

async fn is_signed_out(browser: &Browser) -> bool {
    browser.cookie("sotto_session").is_empty() && browser.get("/api/me").await.status == 401
}

async fn login(login: &str, password: &str) -> Answer {
    let form = json!({"login": login, "password": password});
    Browser::new(&house().server).post("/api/login", form).await
}

/// Another code than this.
fn other_than(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn somebody_new_gets_an_account_and_lands_on_their_profile() {
    let (browser, account) = house().arrive("ann").await;
    let me = me(&browser).await;
    assert_eq!(me["email"], account.email);
    assert_eq!(me["username"], account.email.split('@').next().expect("a name"));
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Ann"), &json!("Baker")));
    assert_eq!((&me["has_password"], &me["google_linked"]), (&json!(false), &json!(true)));
    assert_eq!(house().subjects_to(&account.email).await, ["Welcome to Sotto"]);
    assert_eq!(browser.get("/profile/").await.status, 200);

    let name = unique("renamed");
    let renamed = browser.patch("/api/me", json!({"username": name})).await.must(200);
    assert_eq!(renamed["username"], name);
}

#[tokio::test]
async fn whoever_comes_again_is_the_same_whatever_their_address_is_by_now() {
    let (browser, account) = house().arrive("ann").await;
    let first = me(&browser).await;
    let moved = Account { email: somebody("moved").email, ..account.clone() };
    let unproved = Account { email_verified: Some(false), ..account.clone() };
    for account in [&account, &moved, &unproved] {
        let (browser, answer) = house().visit(account, None).await;
        assert_eq!(landed(&answer), "/profile/");
        assert_eq!(me(&browser).await, first);
    }
    let welcomes = house().subjects_to(&account.email).await;
    assert_eq!(welcomes.iter().filter(|subject| *subject == "Welcome to Sotto").count(), 1);
    // The same name at the provider for somebody else is another person.
    let namesake = Account { subject: somebody("other").subject, ..somebody("other") };
    let (browser, _) = house().visit(&namesake, None).await;
    assert_ne!(me(&browser).await["id"], first["id"]);
}

#[tokio::test]
async fn a_name_that_is_taken_gets_a_number() {
    let person = Person::created(&house().server, "ann").await;
    let email = format!("{}@example.org", person.username.to_uppercase());
    let (browser, _) = house().visit(&Account::new(&unique("subject"), &email), None).await;
    let name = me(&browser).await["username"].as_str().expect("a name").to_owned();
    assert_eq!(name.to_lowercase(), format!("{}2", person.username));
}

#[tokio::test]
async fn people_land_where_they_wanted_to_go_if_that_is_here() {
    for (next, expected) in [
        ("%2Fchat%2F%3Fa%3Db", "/chat/?a=b"),
        ("%2F%2Fevil.example", "/profile/"),
        ("%2F%5Cevil.example", "/profile/"),
        ("https%3A%2F%2Fevil.example%2F", "/profile/"),
        ("%2F%09%2Fevil.example", "/profile/"),
        ("%2F..%2F%2Fevil.example", "/profile/"),
    ] {
        let browser = Browser::new(&house().server);
        let sent_to = house().sent_to(&browser, &format!("/auth/google/?next={next}")).await;
        let back = house().provider.consent(&sent_to, &somebody("ann"));
        assert_eq!(landed(&house().come_back(&browser, &back).await), expected, "{next}");
    }
}

#[tokio::test]
async fn every_lie_in_an_id_token_is_refused_and_opens_nothing() {
    let account = somebody("ann");
    for lie in Lie::ALL {
        let (browser, answer) = house().visit(&account, Some(lie)).await;
        assert_eq!(landed(&answer), "/login/?google=refused", "{lie:?}");
        assert!(is_signed_out(&browser).await, "{lie:?}");
    }
    assert!(house().server.mails_to(&account.email).await.is_empty());
    let (_, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/profile/", "the truth gets in");
}

#[tokio::test]
async fn an_address_that_is_not_vouched_for_opens_nothing() {
    for verified in [Some(false), None] {
        let account = Account { email_verified: verified, ..somebody("ann") };
        let (browser, answer) = house().visit(&account, None).await;
        assert_eq!(landed(&answer), "/login/?google=email_unproved", "{verified:?}");
        assert!(is_signed_out(&browser).await);
    }
}

#[tokio::test]
async fn what_a_browser_brings_back_counts_once_and_for_that_browser_alone() {
    let stale = "/login/?google=stale";
    let (ann, eve) = (Browser::new(&house().server), Browser::new(&house().server));
    let account = somebody("ann");

    // Eve has somebody else's browser come back with what she left for.
    house().sent_to(&ann, "/auth/google/").await;
    let back = house().depart(&eve, &somebody("eve"), None).await;
    assert_eq!(landed(&house().come_back(&ann, &back).await), stale);
    assert!(is_signed_out(&ann).await);
    assert_eq!(landed(&house().come_back(&Browser::new(&house().server), &back).await), stale);

    // What she catches of another's is of no use to her.
    let back = house().depart(&ann, &account, None).await;
    assert_eq!(landed(&house().come_back(&eve, &back).await), stale);
    assert!(is_signed_out(&eve).await);

    let back = house().depart(&ann, &account, None).await;
    let path = back.split_once("/callback/?").expect("a query").1;
    for query in [
        path.replace("state=", "state=A"),
        path.split('&').filter(|part| !part.starts_with("state")).collect::<Vec<_>>().join("&"),
        format!("{path}&state=x"),
        String::new(),
    ] {
        let answer = ann.get(&format!("/auth/google/callback/?{query}")).await;
        assert_eq!((answer.status, landed(&answer)), (303, stale), "{query}");
    }
    assert_eq!(landed(&house().come_back(&ann, &back).await), "/profile/");
    let session = ann.cookie("sotto_session");
    assert_eq!(landed(&house().come_back(&ann, &back).await), stale, "it was used");
    assert_eq!(ann.cookie("sotto_session"), session);
}

#[tokio::test]
async fn a_code_of_another_sign_in_is_refused() {
    let (ann, eve) = (Browser::new(&house().server), Browser::new(&house().server));
    let eves = house().depart(&eve, &somebody("eve"), None).await;
    let anns = house().depart(&ann, &somebody("ann"), None).await;
    let part = |back: &str, name: &str| {
        let query = back.split_once('?').expect("a query").1;
        query.split('&').find(|part| part.starts_with(name)).expect("there").to_owned()
    };
    let mixed = anns.replace(&part(&anns, "code="), &part(&eves, "code="));
    let answer = house().come_back(&ann, &mixed).await;
    assert_eq!(landed(&answer), "/login/?google=refused", "PKCE binds the code");
    assert!(is_signed_out(&ann).await);

    let back = house().depart(&ann, &somebody("ann"), None).await;
    let elsewhere = back.replace(&part(&back, "iss="), "iss=https%3A%2F%2Fid.example");
    assert_eq!(landed(&house().come_back(&ann, &elsewhere).await), "/login/?google=refused");
}

#[tokio::test]
async fn two_tabs_do_not_strand_one_another() {
    let (browser, account) = (Browser::new(&house().server), somebody("ann"));
    let first = house().depart(&browser, &account, None).await;
    let second = house().depart(&browser, &account, None).await;
    assert_eq!(landed(&house().come_back(&browser, &first).await), "/profile/");
    assert_eq!(landed(&house().come_back(&browser, &second).await), "/profile/");
}

#[tokio::test]
async fn whoever_does_not_agree_is_back_at_the_sign_in_page() {
    let browser = Browser::new(&house().server);
    let sent_to = house().sent_to(&browser, "/auth/google/?next=/chat/").await;
    let back = house().provider.deny(&sent_to);
    let answer = house().come_back(&browser, &back).await;
    assert_eq!(landed(&answer), "/login/?google=denied&next=%2Fchat%2F");
    assert_eq!(landed(&house().come_back(&browser, &back).await), "/login/?google=stale");

    let sent_to = house().sent_to(&browser, "/auth/google/").await;
    let back = house().provider.deny(&sent_to).replace("access_denied", "server_error");
    assert_eq!(landed(&house().come_back(&browser, &back).await), "/login/?google=away");
}

#[tokio::test]
async fn nobody_is_sent_there_by_another_site() {
    for (site, expected) in
        [("cross-site", "/login/?next=%2Fchat%2F"), ("same-site", "/login/?next=%2Fchat%2F")]
    {
        let browser = Browser::new(&house().server);
        let request = browser.request(Method::GET, "/auth/google/?next=/chat/");
        let answer = browser.send_request(request.header("sec-fetch-site", site)).await;
        assert_eq!((answer.status, landed(&answer)), (303, expected), "{site}");
        assert!(browser.cookies().is_empty());
    }
}

/// Somebody signs up with another's address in the hope of being let in once that comes by Google.
#[tokio::test]
async fn whoever_signed_up_with_anothers_address_before_is_left_with_nothing() {
    let House { server, provider: _ } = house();
    let victim = somebody("victim");
    let (attacker, name) = (Browser::new(server), unique("attacker"));
    let form = json!({"username": name, "email": victim.email, "password": PASSWORD});
    attacker.post("/api/register", form.clone()).await.must(202);
    // Even the code, if they ever got to see it.
    let code = server.code_for(&victim.email).await;
    assert_eq!(
        login(&victim.email, PASSWORD).await.problem(),
        (403, "email_unverified".to_owned())
    );

    let (browser, answer) = house().visit(&victim, None).await;
    assert_eq!(landed(&answer), "/profile/");
    let account = me(&browser).await;
    assert_eq!(account["has_password"], false);

    for name in [&victim.email, &name, &account["username"].as_str().expect("a name").to_owned()] {
        let refused = login(name, PASSWORD).await;
        assert_eq!(refused.problem(), (401, "invalid_credentials".to_owned()), "{name}");
    }
    let proof = json!({"email": victim.email, "code": code});
    let refused = attacker.post("/api/verify-otp", proof).await;
    assert_eq!(refused.problem(), (422, "otp_invalid".to_owned()));
    assert_eq!(attacker.get("/api/verify-otp").await.status, 404, "nothing waits");
    assert!(is_signed_out(&attacker).await);

    // Nor does coming late help.
    let mails = server.mails_to(&victim.email).await.len();
    attacker.post("/api/resend-otp", json!({"email": victim.email})).await.must(202);
    assert_eq!(server.mails_to(&victim.email).await.len(), mails);
    attacker.post("/api/register", form).await.must(202);
    let told = &server.mails_to(&victim.email).await[0];
    assert_eq!(told.subject, "You already have a Sotto account");
    assert_eq!(login(&victim.email, PASSWORD).await.status, 401);
    assert_eq!(me(&browser).await, account, "the victim noticed nothing");
}

#[tokio::test]
async fn an_account_with_that_address_is_linked_once_a_mailed_code_proves_it() {
    let server = &house().server;
    let person = Person::created(server, "ann").await;
    let account = Account::new(&unique("subject"), &person.email);
    let browser = Browser::new(server);
    let sent_to = house().sent_to(&browser, "/auth/google/?next=/chat/").await;
    let answer = house().come_back(&browser, &house().provider.consent(&sent_to, &account)).await;
    assert_eq!(landed(&answer), "/link-google/?next=%2Fchat%2F");
    assert!(is_signed_out(&browser).await, "not yet");
    assert_eq!(me(&person).await["google_linked"], false);

    let waiting = browser.get("/api/link-google").await.must(200);
    assert_eq!(waiting["email"], person.email);
    let code = server.code_for(&person.email).await;
    let stranger = Browser::new(server);
    assert_eq!(stranger.get("/api/link-google").await.status, 404);
    let form = json!({"code": code});
    assert_eq!(stranger.post("/api/link-google", form.clone()).await.status, 404);
    let too_soon = browser.ask(Method::POST, "/api/link-google/resend").await;
    assert_eq!(too_soon.problem(), (429, "rate_limited".to_owned()));
    let wrong = browser.post("/api/link-google", json!({"code": other_than(&code)})).await;
    assert_eq!(wrong.problem(), (422, "otp_invalid".to_owned()));
    assert_eq!(wrong.json()["attempts_left"], 2);

    let linked = browser.post("/api/link-google", form.clone()).await.must(200);
    assert_eq!(linked["id"], person.id);
    assert_eq!((&linked["google_linked"], &linked["has_password"]), (&json!(true), &json!(true)));
    assert_eq!(me(&browser).await["id"], person.id);
    assert_eq!(browser.post("/api/link-google", form).await.status, 404, "it was used");
    let told = house().subjects_to(&person.email).await;
    assert!(told.iter().any(|subject| subject == "Google was linked to your Sotto account"));

    let (again, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/profile/");
    assert_eq!(me(&again).await["id"], person.id);
    assert_eq!(login(&person.email, PASSWORD).await.status, 200, "the password still counts");
}

#[tokio::test]
async fn an_account_whose_owner_does_not_prove_it_stays_as_it_was() {
    let server = &house().server;
    let person = Person::created(server, "ann").await;
    let eve = Account::new(&unique("eve"), &person.email);
    let (browser, _) = house().visit(&eve, None).await;
    let code = server.code_for(&person.email).await;
    for left in [2, 1, 0] {
        let wrong = browser.post("/api/link-google", json!({"code": other_than(&code)})).await;
        assert_eq!(wrong.json()["attempts_left"], left);
    }
    let spent = browser.post("/api/link-google", json!({"code": code})).await;
    assert_eq!(spent.problem(), (429, "otp_exhausted".to_owned()));
    assert!(is_signed_out(&browser).await);
    assert_eq!(me(&person).await["google_linked"], false);

    // A new password puts an end to what waits elsewhere.
    let other = Person::created(server, "bob").await;
    let (browser, _) = house().visit(&Account::new(&unique("eve"), &other.email), None).await;
    let code = server.code_for(&other.email).await;
    other.post("/api/me/password", json!({"current": PASSWORD, "new": NEW})).await.must(204);
    let refused = browser.post("/api/link-google", json!({"code": code})).await;
    assert_eq!(refused.problem(), (422, "otp_invalid".to_owned()));
    assert!(is_signed_out(&browser).await);
}

#[tokio::test]
async fn whoever_is_signed_in_links_and_unlinks_their_account() {
    let server = &house().server;
    let ann = Person::created(server, "ann").await;
    let account = somebody("elsewhere");
    let answer = house().link(&ann, &account).await;
    assert_eq!(landed(&answer), "/profile/edit/?google=linked");
    assert_eq!(me(&ann).await["google_linked"], true);
    let (browser, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/profile/");
    assert_eq!(me(&browser).await["id"], ann.id, "by the name alone, whatever the address");

    let again = house().link(&ann, &account).await;
    assert_eq!(landed(&again), "/profile/edit/?google=linked");
    let second = house().link(&ann, &somebody("second")).await;
    assert_eq!(landed(&second), "/profile/edit/?google=linked_otherwise");
    let bob = Person::created(server, "bob").await;
    assert_eq!(landed(&house().link(&bob, &account).await), "/profile/edit/?google=taken");
    assert_eq!(me(&bob).await["google_linked"], false);

    let unlinked = ann.ask(Method::DELETE, "/api/me/google").await.must(200);
    assert_eq!(unlinked["google_linked"], false);
    ann.ask(Method::DELETE, "/api/me/google").await.must(200);
    let told = house().subjects_to(&ann.email).await;
    for what in ["linked to", "unlinked from"] {
        let subject = format!("Google was {what} your Sotto account");
        assert_eq!(told.iter().filter(|told| **told == subject).count(), 1, "{subject}");
    }
    let (stranger, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/profile/");
    assert_ne!(me(&stranger).await["id"], ann.id, "it leads there no longer");
}

#[tokio::test]
async fn a_link_is_made_for_whoever_asked_for_it_and_nobody_else() {
    let server = &house().server;
    let (ann, bob) = (Person::created(server, "ann").await, Person::created(server, "bob").await);
    let departure = ann.ask(Method::POST, "/api/me/google").await.must(200);
    let sent_to = departure["url"].as_str().expect("an address").to_owned();
    let back = house().provider.consent(&sent_to, &somebody("elsewhere"));
    // Somebody else signs in meanwhile, with the same browser.
    ann.post("/api/login", json!({"login": bob.username, "password": PASSWORD})).await.must(200);
    let answer = house().come_back(&ann, &back).await;
    assert_eq!(landed(&answer), "/profile/edit/?google=stale");
    assert_eq!(me(&ann).await["google_linked"], false);

    let signed_out = Browser::new(server).ask(Method::POST, "/api/me/google").await;
    assert_eq!(signed_out.problem(), (401, "signed_out".to_owned()));
    let foreign =
        bob.request(Method::POST, "/api/me/google").header("sec-fetch-site", "cross-site");
    assert_eq!(bob.send_request(foreign).await.problem(), (403, "cross_origin".to_owned()));
}

#[tokio::test]
async fn nobody_is_left_without_a_way_in() {
    let (browser, account) = house().arrive("ann").await;
    let refused = browser.ask(Method::DELETE, "/api/me/google").await;
    assert_eq!(refused.problem(), (409, "password_needed".to_owned()));
    assert_eq!(me(&browser).await["google_linked"], true);

    browser.post("/api/me/password", json!({"new": NEW})).await.must(204);
    assert_eq!(me(&browser).await["has_password"], true);
    assert_eq!(login(&account.email, NEW).await.status, 200);
    let needed = browser.post("/api/me/password", json!({"new": "another velvet plum"})).await;
    assert_eq!(needed.field_errors(), [("current".to_owned(), "missing".to_owned())]);
    browser.ask(Method::DELETE, "/api/me/google").await.must(200);
    // From then on an account with that address is in the way, and has to be proved.
    let (_, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/link-google/");
}

#[tokio::test]
async fn who_has_no_password_deletes_their_account_by_a_code() {
    let (browser, account) = house().arrive("ann").await;
    let id = me(&browser).await["id"].clone();
    browser.ask(Method::POST, "/api/me/code").await.must(202);
    let code = house().server.code_for(&account.email).await;
    let request = browser.request(Method::DELETE, "/api/me").json(&json!({"code": code}));
    browser.send_request(request).await.must(204);
    let (browser, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/profile/");
    assert_ne!(me(&browser).await["id"], id, "a new account");
}

#[tokio::test]
async fn whoever_is_kept_out_does_not_get_in_by_google() {
    let server = &house().server;
    let disable = |name: &str, what: &str| {
        let ended = run(&server.command(&["user", what, name, "--json"]), "");
        assert!(ended.success, "{}", ended.errors);
    };
    let (browser, account) = house().arrive("ann").await;
    let name = me(&browser).await["username"].as_str().expect("a name").to_owned();
    disable(&name, "disable");
    let (browser, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/login/?google=disabled");
    assert!(is_signed_out(&browser).await);
    disable(&name, "enable");
    assert_eq!(landed(&house().visit(&account, None).await.1), "/profile/");

    // Nor by an address.
    let person = Person::created(server, "bob").await;
    let theirs = Account::new(&unique("subject"), &person.email);
    let (waiting, _) = house().visit(&theirs, None).await;
    let code = server.code_for(&person.email).await;
    disable(&person.username, "disable");
    let late = waiting.post("/api/link-google", json!({"code": code})).await;
    assert_eq!(late.problem(), (403, "account_disabled".to_owned()));
    let (browser, answer) = house().visit(&theirs, None).await;
    assert_eq!(landed(&answer), "/login/?google=disabled");
    assert!(is_signed_out(&browser).await && is_signed_out(&waiting).await);
}

#[tokio::test]
async fn a_provider_that_fails_ends_on_the_sign_in_page_in_time() {
    let house = House::unlimited();
    let browser = Browser::new(&house.server);
    let away = "/login/?google=away";
    for mood in [Mood::Broken, Mood::Endless, Mood::Silent] {
        house.provider.is(mood.clone());
        let began = Instant::now();
        let answer = browser.get("/auth/google/").await;
        assert_eq!((answer.status, landed(&answer)), (303, away), "{mood:?}");
        assert!(began.elapsed() < BOUND, "{mood:?}");
    }
    let health = timeout(BOUND, browser.get("/health/")).await.expect("in time");
    assert_eq!(health.status, 200, "nothing else minds");
    house.provider.is(Mood::Fine);
    for mood in [Mood::Broken, Mood::Endless, Mood::Silent] {
        let back = house.depart(&browser, &somebody("ann"), None).await;
        house.provider.is(mood.clone());
        let began = Instant::now();
        assert_eq!(landed(&house.come_back(&browser, &back).await), away, "{mood:?}");
        assert!(began.elapsed() < BOUND, "{mood:?}");
        house.provider.is(Mood::Fine);
    }
    assert!(is_signed_out(&browser).await);
    house.provider.rotate_keys();
    house.arrive("ann").await;
}

#[tokio::test]
async fn a_flood_is_turned_away() {
    let house = House::build(&[]);
    let browser = Browser::new(&house.server);
    let mut throttled = 0;
    for _ in 0..150 {
        let answer = browser.get("/auth/google/").await;
        throttled += usize::from(landed(&answer) == "/login/?google=throttled");
    }
    assert!((20..=90).contains(&throttled), "{throttled} of 150");
}

#[tokio::test]
async fn without_an_id_and_a_secret_there_is_no_google() {
    let server = Server::start_unlimited();
    let browser = Browser::new(&server);
    for path in ["/auth/google/", "/auth/google/callback/?code=a&state=b"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    let button = async |browser: &Browser, page: &str| {
        browser.get(page).await.text().contains("href=\"/auth/google/\"")
    };
    for page in ["/login/", "/register/"] {
        assert!(!button(&browser, page).await, "{page}");
        assert!(button(&Browser::new(&house().server), page).await, "{page}");
    }
    let person = Person::created(&server, "ann").await;
    let nowhere = person.ask(Method::POST, "/api/me/google").await;
    assert_eq!(nowhere.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn no_secret_of_a_sign_in_is_logged() {
    let house = House::build(&[("SOTTO_RATE_LIMITS", "off"), ("SOTTO_LOG", "debug")]);
    let (browser, account) = (Browser::new(&house.server), somebody("ann"));
    let mut secrets =
        vec![CLIENT_SECRET.to_owned(), account.email.clone(), account.subject.clone()];
    for lie in [None, Some(Lie::AnotherNonce)] {
        let back = house.depart(&browser, &account, lie).await;
        let query = back.split_once('?').expect("a query").1;
        let values = query.split('&').filter(|part| !part.starts_with("iss="));
        secrets.extend(values.filter_map(|part| Some(part.split_once('=')?.1.to_owned())));
        house.come_back(&browser, &back).await;
    }
    secrets.extend(["sotto_session", "sotto_visit"].map(|name| browser.cookie(name)));
    // That it logs at all.
    let log = house.server.wait_for_log("nobody was signed in with Google").await;
    for secret in secrets {
        assert!(!secret.is_empty() && !log.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn whoever_has_a_second_factor_is_asked_for_it_also_after_google() {
    let ann = Person::created(&house().server, "ann").await;
    let account = somebody("elsewhere");
    house().link(&ann, &account).await;
    let proof = json!({"password": PASSWORD});
    let set_up = ann.post("/api/me/second-factor/app", proof).await.must(200);
    let phone = Phone::knowing(set_up["secret"].as_str().expect("a secret"));
    let first = json!({"set_up": set_up["set_up"], "app_code": phone.code(0)});
    let codes = ann.post("/api/me/second-factor/app/confirm", first).await.must(200);
    let recovery = |n: usize| json!({"code": codes["recovery_codes"][n]});

    let (browser, answer) = house().visit(&account, None).await;
    assert_eq!(landed(&answer), "/login/?next=%2Fprofile%2F#second-step");
    assert!(is_signed_out(&browser).await, "Google alone does not do");
    let signed_in = browser.post("/api/login/second-factor", recovery(0)).await.must(200);
    assert_eq!(signed_in["id"], ann.id);

    // Nor does a mailed code, by which the account is linked.
    ann.ask(Method::DELETE, "/api/me/google").await.must(200);
    let theirs = Account::new(&unique("subject"), &ann.email);
    let (browser, answer) = house().visit(&theirs, None).await;
    assert_eq!(landed(&answer), "/link-google/");
    let code = json!({"code": house().server.code_for(&ann.email).await});
    let more = browser.post("/api/link-google", code).await;
    assert_eq!(more.problem(), (403, "second_factor_required".to_owned()));
    assert!(is_signed_out(&browser).await);
    let signed_in = browser.post("/api/login/second-factor", recovery(1)).await.must(200);
    assert_eq!(signed_in["id"], ann.id);
}
