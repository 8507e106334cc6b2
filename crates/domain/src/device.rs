//! What somebody signs in from, as their browser tells it.
use std::net::IpAddr;

/// A browser on a system, at an address. The first two are the browser's own words and may be a
/// lie: they help people recognise their devices, and nothing depends on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// `Firefox 141`; empty where nobody knows.
    pub browser: String,
    /// `Windows`, `Android` …; empty where nobody knows.
    pub system: String,
    /// Where it was.
    pub address: IpAddr,
}

/// Most browsers claim to be others as well, so the order decides.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

/// Likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

impl Device {
    /// Reads a `User-Agent` (RFC 9110, section 10.1.5). Only words of ours and a number come out,
    /// whatever it says.
    pub fn of(user_agent: &str, address: IpAddr) -> Self {
        let browser = BROWSERS.iter().find_map(|(token, name)| {
            let (_, version) = user_agent.split_once(token)?;
            let number: String = version.chars().take_while(char::is_ascii_digit).take(4).collect();
            Some(format!("{name} {number}").trim_end().to_owned())
        });
        let system = SYSTEMS.iter().find(|(token, _)| user_agent.contains(token));
        Self {
            browser: browser.unwrap_or_default(),
            system: system.map_or_else(String::new, |(_, name)| (*name).to_owned()),
            address,
        }
    }

    /// Browser and system in words, as far as they are known: `Firefox 141 on Linux`.
    pub fn name(&self) -> String {
        match (self.browser.as_str(), self.system.as_str()) {
            ("", "") => "an unknown browser".to_owned(),
            ("", system) => format!("an unknown browser on {system}"),
            (browser, "") => browser.to_owned(),
            (browser, system) => format!("{browser} on {system}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(user_agent: &str) -> (String, String) {
        let device = Device::of(user_agent, IpAddr::from([127, 0, 0, 1]));
        (device.browser, device.system)
    }

    #[test]
    fn browsers_are_recognised_among_all_that_they_claim_to_be() {
        for (user_agent, browser, system) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge 140",
                "Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
                "Firefox 141",
                "Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari 18",
                "iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome 140",
                "Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
                "Safari 18",
                "macOS",
            ),
        ] {
            assert_eq!(read(user_agent), (browser.to_owned(), system.to_owned()));
        }
    }

    #[test]
    fn what_is_known_of_a_device_is_its_name() {
        for (browser, system, name) in [
            ("Firefox 141", "Linux", "Firefox 141 on Linux"),
            ("Firefox 141", "", "Firefox 141"),
            ("", "Linux", "an unknown browser on Linux"),
            ("", "", "an unknown browser"),
        ] {
            let (browser, system) = (browser.to_owned(), system.to_owned());
            let device = Device { browser, system, address: IpAddr::from([127, 0, 0, 1]) };
            assert_eq!(device.name(), name);
        }
    }

    #[test]
    fn what_says_nothing_or_lies_gives_no_words_of_its_own() {
        for user_agent in ["", "curl/8.0", "<script>", "Firefoxy\r\nSet-Cookie: a"] {
            assert_eq!(read(user_agent), (String::new(), String::new()), "{user_agent}");
        }
        assert_eq!(read("Firefox/<b>"), ("Firefox".to_owned(), String::new()));
    }
}
