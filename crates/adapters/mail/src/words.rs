//! The words of every mail, from the templates beside this crate's sources.
//!
//! Subjects are our own words and our own digits: nothing that a person chose stands in a header.
use application::ports::{Mail, SecondFactorNews};
use askama::Template;
use domain::{
    Timestamp, device::Device, otp::Otp, password_reset::PasswordReset, username::Username,
};

/// A mail in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part, which says the same.
    pub html: String,
}

/// Finds the words for a mail. Links begin with `public_url`, which may end with a slash.
pub fn render(mail: &Mail, public_url: &str) -> Rendered {
    let link = |path: &str| format!("{}{path}", public_url.trim_end_matches('/'));
    match mail {
        Mail::ConfirmAddress { code } => {
            let (code, link) = (code.reveal(), &link("/verify-otp/"));
            let (minutes, tries) = (Otp::LIFETIME.num_minutes(), Otp::MAX_ATTEMPTS);
            Rendered {
                // In front, so that the notice on a phone shows it.
                subject: format!("{code} is your Sotto code"),
                text: fill(&ConfirmAddressText { code, minutes, tries, link }),
                html: fill(&ConfirmAddressHtml { code, minutes, tries, link }),
            }
        }
        Mail::ConfirmAction { code } => {
            let (code, link) = (code.reveal(), &link("/profile/"));
            let (minutes, tries) = (Otp::LIFETIME.num_minutes(), Otp::MAX_ATTEMPTS);
            Rendered {
                subject: format!("{code} is your Sotto code"),
                text: fill(&ConfirmActionText { code, minutes, tries, link }),
                html: fill(&ConfirmActionHtml { code, minutes, tries, link }),
            }
        }
        Mail::ConfirmNewAddress { code } => {
            confirm_new_address(code.reveal(), &link("/profile/edit/"))
        }
        Mail::ConfirmLink { code } => confirm_link(code.reveal(), &link("/link-google/")),
        Mail::GoogleChanged { username, linked } => {
            let (link, forgot) = (link("/profile/edit/"), link("/forgot-password/"));
            google_changed(username.as_str(), *linked, &link, &forgot)
        }
        Mail::ResetPassword { username, token } => {
            // Behind a `#`, so that no server and no log ever sees it.
            let link = &link(&format!("/reset-password/#{}", token.reveal()));
            let (username, minutes) = (username.as_str(), PasswordReset::LIFETIME.num_minutes());
            Rendered {
                subject: "Choose a new password for Sotto".to_owned(),
                text: fill(&ResetPasswordText { username, minutes, link }),
                html: fill(&ResetPasswordHtml { username, minutes, link }),
            }
        }
        Mail::PasswordChanged { username } => {
            let (username, link) = (username.as_str(), &link("/forgot-password/"));
            Rendered {
                subject: "Your Sotto password was changed".to_owned(),
                text: fill(&PasswordChangedText { username, link }),
                html: fill(&PasswordChangedHtml { username, link }),
            }
        }
        Mail::EmailChanged { username } => {
            let (username, link) = (username.as_str(), &link("/"));
            Rendered {
                subject: "Your Sotto address was changed".to_owned(),
                text: fill(&EmailChangedText { username, link }),
                html: fill(&EmailChangedHtml { username, link }),
            }
        }
        Mail::AccountDeleted { username } => {
            let (username, link) = (username.as_str(), &link("/"));
            Rendered {
                subject: "Your Sotto account was deleted".to_owned(),
                text: fill(&AccountDeletedText { username, link }),
                html: fill(&AccountDeletedHtml { username, link }),
            }
        }
        Mail::Welcome { username } => {
            let (username, link) = (username.as_str(), &link("/profile/"));
            Rendered {
                subject: "Welcome to Sotto".to_owned(),
                text: fill(&WelcomeText { username, link }),
                html: fill(&WelcomeHtml { username, link }),
            }
        }
        Mail::AlreadyRegistered { username } => {
            let (username, link) = (username.as_str(), &link("/login/"));
            Rendered {
                subject: "You already have a Sotto account".to_owned(),
                text: fill(&AlreadyRegisteredText { username, link }),
                html: fill(&AlreadyRegisteredHtml { username, link }),
            }
        }
        Mail::NewSignIn { username, device, at } => {
            new_sign_in(&Use::of(username, device, *at, link))
        }
        Mail::DataExported { username, device, at } => {
            data_exported(&Use::of(username, device, *at, link))
        }
        Mail::SecondFactor { username, news } => {
            let (username, link) = (username.as_str(), &link("/forgot-password/"));
            let Told { subject, title, preview, happened } = &told(*news);
            Rendered {
                subject: (*subject).to_owned(),
                text: fill(&SecondFactorText { username, happened, link }),
                html: fill(&SecondFactorHtml { username, title, preview, happened, link }),
            }
        }
    }
}

/// What somebody did with an account: with what, where and when, and what to do about it.
struct Use<'a> {
    username: &'a str,
    device: String,
    address: String,
    at: String,
    link: String,
    forgot: String,
}

impl<'a> Use<'a> {
    fn of(
        username: &'a Username,
        device: &Device,
        at: Timestamp,
        link: impl Fn(&str) -> String,
    ) -> Self {
        Self {
            username: username.as_str(),
            device: device.name(),
            address: device.address.to_string(),
            at: in_words(at),
            link: link("/profile/#devices"),
            forgot: link("/forgot-password/"),
        }
    }
}

/// What a mail on a second factor says. Lines of the sentence are narrow enough for the text part.
struct Told {
    subject: &'static str,
    title: &'static str,
    preview: &'static str,
    happened: String,
}

fn told(news: SecondFactorNews) -> Told {
    let (subject, title, preview, happened) = match news {
        SecondFactorNews::AppSetUp => (
            "Your Sotto account asks for a second factor",
            "A second factor is on",
            "Signing in asks for a code of your app.",
            "signing in to your account asks for\na code of an authenticator app from now on.".to_owned(),
        ),
        SecondFactorNews::PasskeyRequired => (
            "Your Sotto account asks for a second factor",
            "A second factor is on",
            "Signing in asks for a passkey.",
            "signing in to your account asks for\na passkey from now on.".to_owned(),
        ),
        SecondFactorNews::PasskeyAdded => (
            "A passkey was added to your Sotto account",
            "A passkey was added",
            "It signs in without your password.",
            "a passkey was added to your account.\nIt signs in without your password.".to_owned(),
        ),
        SecondFactorNews::PasskeyRemoved => (
            "A passkey of your Sotto account was removed",
            "A passkey was removed",
            "It no longer signs in.",
            "a passkey of your account was removed.\nIt no longer signs in.".to_owned(),
        ),
        SecondFactorNews::TurnedOff => (
            "Your Sotto account asks for no second factor",
            "Your second factor is off",
            "Your password alone signs in.",
            "signing in to your account asks for\nno second factor any more: your password alone will do.".to_owned(),
        ),
        SecondFactorNews::NewRecoveryCodes => (
            "New recovery codes for your Sotto account",
            "New recovery codes",
            "The ones before no longer work.",
            "new recovery codes were made for\nyour account. The ones before no longer work.".to_owned(),
        ),
        SecondFactorNews::Refused => (
            "Somebody may have your Sotto password",
            "Somebody may have your password",
            "They did not get in.",
            "somebody typed your password right,\nbut not your second factor, and did not get in.".to_owned(),
        ),
        SecondFactorNews::RecoveryCodeUsed { left } => (
            "A recovery code of your Sotto account was used",
            "A recovery code was used",
            "Somebody signed in with it.",
            format!("somebody signed in to your account\nwith a recovery code. Codes that are left: {left}."),
        ),
    };
    Told { subject, title, preview, happened }
}

fn confirm_new_address(code: &str, link: &str) -> Rendered {
    let (minutes, tries) = (Otp::LIFETIME.num_minutes(), Otp::MAX_ATTEMPTS);
    Rendered {
        subject: format!("{code} is your Sotto code"),
        text: fill(&ConfirmNewAddressText { code, minutes, tries, link }),
        html: fill(&ConfirmNewAddressHtml { code, minutes, tries, link }),
    }
}

fn confirm_link(code: &str, link: &str) -> Rendered {
    let (minutes, tries) = (Otp::LIFETIME.num_minutes(), Otp::MAX_ATTEMPTS);
    Rendered {
        subject: format!("{code} is your Sotto code"),
        text: fill(&ConfirmLinkText { code, minutes, tries, link }),
        html: fill(&ConfirmLinkHtml { code, minutes, tries, link }),
    }
}

fn google_changed(username: &str, linked: bool, link: &str, forgot: &str) -> Rendered {
    let what = if linked { "linked to" } else { "unlinked from" };
    Rendered {
        subject: format!("Google was {what} your Sotto account"),
        text: fill(&GoogleChangedText { username, linked, link, forgot }),
        html: fill(&GoogleChangedHtml { username, linked, link, forgot }),
    }
}

fn new_sign_in(told: &Use<'_>) -> Rendered {
    let Use { username, device, address, at, link, forgot } = told;
    Rendered {
        subject: "New sign-in to your Sotto account".to_owned(),
        text: fill(&NewSignInText { username, device, address, at, link, forgot }),
        html: fill(&NewSignInHtml { username, device, address, at, link, forgot }),
    }
}

fn data_exported(told: &Use<'_>) -> Rendered {
    let Use { username, device, address, at, link, forgot } = told;
    Rendered {
        subject: "Your Sotto data was downloaded".to_owned(),
        text: fill(&DataExportedText { username, device, address, at, link, forgot }),
        html: fill(&DataExportedHtml { username, device, address, at, link, forgot }),
    }
}

/// To the minute: people compare it with what they remember.
fn in_words(at: Timestamp) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

fn fill(template: &impl Template) -> String {
    template.render().expect("filling texts into a string never fails")
}

/// The two parts of a mail, filled with the same fields.
macro_rules! parts {
    ($text:ident $text_path:literal, $html:ident $html_path:literal, { $($field:ident: $of:ty),* }) => {
        #[derive(Template)]
        #[template(path = $text_path)]
        struct $text<'a> { $($field: $of),* }

        #[derive(Template)]
        #[template(path = $html_path)]
        struct $html<'a> { $($field: $of),* }
    };
}

parts!(
    ConfirmAddressText "confirm_address.txt", ConfirmAddressHtml "confirm_address.html",
    { code: &'a str, minutes: i64, tries: u32, link: &'a str }
);
parts!(
    ConfirmActionText "confirm_action.txt", ConfirmActionHtml "confirm_action.html",
    { code: &'a str, minutes: i64, tries: u32, link: &'a str }
);
parts!(
    ConfirmNewAddressText "confirm_new_address.txt", ConfirmNewAddressHtml "confirm_new_address.html",
    { code: &'a str, minutes: i64, tries: u32, link: &'a str }
);
parts!(
    ConfirmLinkText "confirm_link.txt", ConfirmLinkHtml "confirm_link.html",
    { code: &'a str, minutes: i64, tries: u32, link: &'a str }
);
parts!(
    GoogleChangedText "google_changed.txt", GoogleChangedHtml "google_changed.html",
    { username: &'a str, linked: bool, link: &'a str, forgot: &'a str }
);
parts!(
    ResetPasswordText "reset_password.txt", ResetPasswordHtml "reset_password.html",
    { username: &'a str, minutes: i64, link: &'a str }
);
parts!(
    PasswordChangedText "password_changed.txt", PasswordChangedHtml "password_changed.html",
    { username: &'a str, link: &'a str }
);
parts!(
    AccountDeletedText "account_deleted.txt", AccountDeletedHtml "account_deleted.html",
    { username: &'a str, link: &'a str }
);
parts!(
    EmailChangedText "email_changed.txt", EmailChangedHtml "email_changed.html",
    { username: &'a str, link: &'a str }
);
parts!(
    WelcomeText "welcome.txt", WelcomeHtml "welcome.html",
    { username: &'a str, link: &'a str }
);
parts!(
    DataExportedText "data_exported.txt", DataExportedHtml "data_exported.html",
    { username: &'a str, device: &'a str, address: &'a str, at: &'a str, link: &'a str, forgot: &'a str }
);
parts!(
    NewSignInText "new_sign_in.txt", NewSignInHtml "new_sign_in.html",
    { username: &'a str, device: &'a str, address: &'a str, at: &'a str, link: &'a str, forgot: &'a str }
);
#[derive(Template)]
#[template(path = "second_factor.txt")]
struct SecondFactorText<'a> {
    username: &'a str,
    happened: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorHtml<'a> {
    username: &'a str,
    title: &'a str,
    preview: &'a str,
    happened: &'a str,
    link: &'a str,
}

parts!(
    AlreadyRegisteredText "already_registered.txt", AlreadyRegisteredHtml "already_registered.html",
    { username: &'a str, link: &'a str }
);

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{TimeDelta, otp::OtpCode, token::ResetToken};

    const URL: &str = "https://chat.example";

    fn confirm() -> Mail {
        Mail::ConfirmAddress { code: OtpCode::typed("482913") }
    }

    fn username() -> Username {
        Username::parse("Ann.Baker").expect("valid")
    }

    fn sign_in_mail() -> Mail {
        let device = Device {
            browser: "Firefox 141".to_owned(),
            system: "Linux".to_owned(),
            address: [192, 0, 2, 7].into(),
        };
        let at = Timestamp::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(75);
        Mail::NewSignIn { username: username(), device, at }
    }

    fn export_mail() -> Mail {
        let Mail::NewSignIn { username, device, at } = sign_in_mail() else {
            unreachable!("just made")
        };
        Mail::DataExported { username, device, at }
    }

    /// Each kind, and the page it links to.
    const PAGES: [&str; 22] = [
        "/verify-otp/",
        "/profile/",
        "/profile/edit/",
        "/link-google/",
        "/profile/",
        "/login/",
        "/profile/#devices",
        "/reset-password/#AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        "/forgot-password/",
        "/",
        "/",
        "/forgot-password/",
        "/forgot-password/",
        "/forgot-password/",
        "/forgot-password/",
        "/forgot-password/",
        "/forgot-password/",
        "/forgot-password/",
        "/forgot-password/",
        "/profile/edit/",
        "/profile/edit/",
        "/profile/#devices",
    ];
    /// The first ones hold a code and don't know whose.
    const CODES: usize = 4;

    fn second_factor(news: SecondFactorNews) -> Mail {
        Mail::SecondFactor { username: username(), news }
    }

    fn all() -> [Mail; 22] {
        let code = OtpCode::typed("482913");
        [
            confirm(),
            Mail::ConfirmAction { code: code.clone() },
            Mail::ConfirmNewAddress { code: code.clone() },
            Mail::ConfirmLink { code },
            Mail::Welcome { username: username() },
            Mail::AlreadyRegistered { username: username() },
            sign_in_mail(),
            Mail::ResetPassword { username: username(), token: ResetToken::mint([1; 32]) },
            Mail::PasswordChanged { username: username() },
            Mail::EmailChanged { username: username() },
            Mail::AccountDeleted { username: username() },
            second_factor(SecondFactorNews::AppSetUp),
            second_factor(SecondFactorNews::PasskeyRequired),
            second_factor(SecondFactorNews::PasskeyAdded),
            second_factor(SecondFactorNews::PasskeyRemoved),
            second_factor(SecondFactorNews::TurnedOff),
            second_factor(SecondFactorNews::NewRecoveryCodes),
            second_factor(SecondFactorNews::Refused),
            second_factor(SecondFactorNews::RecoveryCodeUsed { left: 9 }),
            Mail::GoogleChanged { username: username(), linked: true },
            Mail::GoogleChanged { username: username(), linked: false },
            export_mail(),
        ]
    }

    /// The one address a mail links to.
    fn link_of(mail: &Rendered) -> &str {
        let (_, after) = mail.html.split_once("href=\"").expect("a link");
        after.split_once('"').expect("closed").0
    }

    #[test]
    fn the_code_stands_in_subject_text_and_html() {
        for mail in &all()[..CODES] {
            let mail = render(mail, URL);
            assert_eq!(mail.subject, "482913 is your Sotto code");
            for part in [&mail.text, &mail.html] {
                assert!(part.contains("482913") && part.contains("10 minutes"), "{part}");
                assert!(part.contains("newest mail") && part.contains("If you did not"), "{part}");
            }
        }
    }

    #[test]
    fn a_mail_to_an_account_names_it() {
        for mail in &all()[CODES..] {
            let mail = render(mail, URL);
            assert!(mail.text.contains("Ann.Baker"), "{}", mail.text);
            assert!(mail.html.contains("Ann.Baker"), "{}", mail.html);
            assert!(!mail.subject.contains("Ann"), "{}", mail.subject);
        }
    }

    #[test]
    fn what_somebody_did_is_told_with_what_where_when_and_what_to_do() {
        let mails = [render(&sign_in_mail(), URL), render(&export_mail(), URL)];
        for part in mails.iter().flat_map(|mail| [&mail.text, &mail.html]) {
            for words in [
                "Firefox 141 on Linux",
                "192.0.2.7",
                "4 October 2024, 01:15 UTC",
                "https://chat.example/forgot-password/",
            ] {
                assert!(part.contains(words), "{words} in {part}");
            }
        }
    }

    #[test]
    fn a_used_recovery_code_is_told_with_how_many_are_left() {
        let mail = render(&second_factor(SecondFactorNews::RecoveryCodeUsed { left: 3 }), URL);
        for part in [&mail.text, &mail.html] {
            assert!(part.contains("left: 3."), "{part}");
        }
    }

    #[test]
    fn each_mail_links_to_its_page_whether_or_not_the_address_ends_with_a_slash() {
        for (mail, path) in all().iter().zip(PAGES) {
            let expected = format!("{URL}{path}");
            for url in [URL, "https://chat.example/"] {
                let rendered = render(mail, url);
                assert_eq!(link_of(&rendered), expected);
                assert!(rendered.text.contains(&format!("\n{expected}\n")), "{}", rendered.text);
            }
        }
    }

    #[test]
    fn subjects_are_one_short_line_of_ascii() {
        for mail in all() {
            let subject = render(&mail, URL).subject;
            assert!(subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{subject:?}");
            assert!(subject.len() <= 60, "{subject}");
        }
    }

    #[test]
    fn markup_in_what_is_filled_in_stays_text() {
        let hostile = r#"https://chat.example/?a="><script>alert('1')</script>&b"#;
        for mail in all() {
            let html = render(&mail, hostile).html;
            assert!(!html.contains("<script"), "{html}");
            assert!(!html.contains(r#"a=""#), "{html}");
            assert!(html.contains("&#60;script&#62;"), "{html}");
        }
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        for mail in all() {
            let html = render(&mail, URL).html;
            for word in ["src=", "url(", "@import", "<link", "<img", "<table"] {
                assert!(!html.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn text_parts_are_narrow_and_free_of_markup() {
        for mail in all() {
            let text = render(&mail, URL).text;
            // A link is as long as it is, where it stands alone.
            let is_link = |line: &str| line.starts_with(URL) && !line.contains(' ');
            let mut words = text.lines().filter(|line| !is_link(line));
            assert!(words.all(|line| line.len() <= 72), "{text}");
            assert!(!text.contains(['<', '&', '{']), "{text}");
        }
    }
}
