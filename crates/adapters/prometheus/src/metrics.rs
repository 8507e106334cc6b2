//! The figures themselves.
use crate::{
    labels::{self, Answered, Label, Labels, RouteLabels},
    process::ProcessCollector,
    watched::{LookUps, Watched},
};
use application::ports::{AnsweredRequest, Figure, Metrics, MetricsReport, RenderedMetrics};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Metric, Registry},
};
use std::time::Duration;

/// Seconds. From what a cache answers to what nobody waits for any more.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Messages in one call.
const BATCHES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1_024.0];

type Timed<S> = Family<S, Histogram, fn() -> Histogram>;

/// Counts in memory, and tells Prometheus.
pub struct PrometheusMetrics {
    registry: Registry,
    look_ups: LookUps,
    requests: Family<Answered, Counter>,
    request_seconds: Timed<RouteLabels>,
    requests_under_way: Gauge,
    sockets: Gauge,
    sockets_closed: Family<Label, Counter>,
    frames_received: Family<Label, Counter>,
    frames_sent: Family<Label, Counter>,
    messages: Family<Label, Counter>,
    store_calls: Family<Labels, Counter>,
    store_seconds: Timed<Label>,
    batches: Histogram,
    events_published: Counter,
    broadcast_received: Family<Label, Counter>,
    hashing: Gauge,
    hashed: Family<Label, Counter>,
    hashing_seconds: Histogram,
    mails: Family<Label, Counter>,
    mails_waiting: Gauge,
}

impl PrometheusMetrics {
    /// Nothing has been counted yet. The version is the program's.
    pub fn new(version: &'static str) -> Self {
        let mut book = Book(Registry::default());
        let look_ups = LookUps::default();
        let (batches, hashing_seconds) = (Histogram::new(BATCHES), seconds());
        Self {
            requests: book.open("http_requests", "Requests answered"),
            request_seconds: book.enter(
                "http_request_duration_seconds",
                "From a request's head to its answer's",
                Timed::new_with_constructor(seconds),
            ),
            requests_under_way: book.open("http_requests_under_way", "Requests being answered"),
            sockets: book.open("sockets", "Open sockets"),
            sockets_closed: book.open("sockets_closed", "Sockets closed, by close code"),
            frames_received: book.open("socket_frames_received", "Frames from clients"),
            frames_sent: book.open("socket_frames_sent", "Frames to clients"),
            messages: book.open("messages", "Messages somebody wanted to send"),
            store_calls: book.open("store_calls", "Calls of the store of messages"),
            store_seconds: book.enter(
                "store_call_duration_seconds",
                "How long the store of messages took",
                Timed::new_with_constructor(seconds),
            ),
            batches: book.enter("store_batch_messages", "Messages in one call", batches),
            events_published: book.open("events_published", "Events handed to the bus"),
            broadcast_received: book.open("broadcast_received", "What came from other instances"),
            hashing: book.open("password_hashing", "Passwords being hashed or waiting for it"),
            hashed: book.open("passwords_hashed", "Passwords hashed or turned away"),
            hashing_seconds: book.enter(
                "password_hashing_duration_seconds",
                "How long a hash took, its wait included",
                hashing_seconds,
            ),
            mails: book.open("mails", "Steps of mails on their way"),
            mails_waiting: book.open("mails_waiting", "Mails not delivered yet"),
            registry: book.close(version, &look_ups),
            look_ups,
        }
    }

    /// Also tells this figure, which is looked up, at once, whenever somebody asks.
    pub fn watch(&self, what: Watched, look_up: impl Fn() -> i64 + Send + Sync + 'static) {
        self.look_ups.add(what, Box::new(look_up));
    }

    fn note_answer(&self, request: &AnsweredRequest) {
        self.requests.get_or_create(&Answered::of(request)).inc();
        let seconds = self.request_seconds.get_or_create(&RouteLabels::of(request));
        seconds.observe(request.took.as_secs_f64());
    }

    fn note_hashing(&self, outcome: Label, took: Duration) {
        self.hashing.dec();
        self.hashed.get_or_create(&outcome).inc();
        self.hashing_seconds.observe(took.as_secs_f64());
    }
}

impl Metrics for PrometheusMetrics {
    fn note(&self, figure: Figure) {
        match figure {
            Figure::RequestBegan => {
                self.requests_under_way.inc();
            }
            Figure::RequestEnded => {
                self.requests_under_way.dec();
            }
            Figure::Answered(request) => self.note_answer(&request),
            Figure::SocketOpened => {
                self.sockets.inc();
            }
            Figure::SocketClosed(end) => {
                self.sockets.dec();
                count(&self.sockets_closed, labels::socket_end(end));
            }
            Figure::FrameReceived(frame) => count(&self.frames_received, labels::frame_in(frame)),
            Figure::FrameSent(frame) => count(&self.frames_sent, labels::frame_out(frame)),
            Figure::Message(outcome) => count(&self.messages, labels::message(outcome)),
            Figure::StoreCalled { operation, outcome, took } => {
                self.store_calls.get_or_create(&labels::store_call(operation, outcome)).inc();
                let seconds = self.store_seconds.get_or_create(&labels::operation(operation));
                seconds.observe(took.as_secs_f64());
            }
            Figure::MessagesBatched(messages) => {
                // No batch is long enough to lose a digit.
                self.batches.observe(f64::from(u32::try_from(messages).unwrap_or(u32::MAX)));
            }
            Figure::EventPublished => {
                self.events_published.inc();
            }
            Figure::BroadcastReceived(news) => {
                count(&self.broadcast_received, labels::broadcast(news));
            }
            Figure::HashingBegan => {
                self.hashing.inc();
            }
            Figure::HashingEnded { outcome, took } => {
                self.note_hashing(labels::call(outcome), took);
            }
            Figure::Mail(step) => count(&self.mails, labels::mail(step)),
            Figure::MailWaiting(waiting) => {
                self.mails_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
            }
        }
    }
}

impl MetricsReport for PrometheusMetrics {
    fn render(&self) -> RenderedMetrics {
        let mut text = String::new();
        // Writing into a string can't fail, and no label or name is anything but text.
        let _ = encode(&mut text, &self.registry);
        RenderedMetrics {
            content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
            text,
        }
    }
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn count(family: &Family<Label, Counter>, label: Label) {
    family.get_or_create(&label).inc();
}

/// Where the figures are entered under their names; each begins with `sotto_`.
struct Book(Registry);

impl Book {
    fn open<M: Metric + Clone + Default>(&mut self, name: &'static str, help: &'static str) -> M {
        self.enter(name, help, M::default())
    }

    fn enter<M: Metric + Clone>(&mut self, name: &'static str, help: &'static str, metric: M) -> M {
        self.0.register(format!("sotto_{name}"), help, metric.clone());
        metric
    }

    /// The rest, whose names are everybody's.
    fn close(mut self, version: &'static str, look_ups: &LookUps) -> Registry {
        self.enter_info(version);
        self.0.register_collector(Box::new(ProcessCollector));
        self.0.register_collector(Box::new(look_ups.clone()));
        self.0
    }

    fn enter_info(&mut self, version: &'static str) {
        self.0.register("sotto_build", "What runs here", Info::new([("version", version)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use application::ports::{
        BroadcastNews, CallOutcome, FrameIn, FrameOut, MailStep, MessageOutcome, RequestMethod,
        SocketEnd, StatusClass, StoreOperation,
    };

    const TOOK: Duration = Duration::from_millis(3);

    fn answered(route: Option<&str>) -> Figure {
        Figure::Answered(AnsweredRequest {
            method: RequestMethod::Get,
            route: route.map(Into::into),
            status: StatusClass::Success,
            took: TOOK,
        })
    }

    fn after(figures: impl IntoIterator<Item = Figure>) -> String {
        let metrics = PrometheusMetrics::new("1.2.3");
        for figure in figures {
            metrics.note(figure);
        }
        metrics.render().text
    }

    /// Whether a line is there, whole.
    fn assert_line(text: &str, expected: &str) {
        assert!(text.lines().any(|line| line == expected), "{expected:?} is not in\n{text}");
    }

    #[test]
    fn requests_are_told_apart_by_method_route_and_outcome() {
        let text = after([
            Figure::RequestBegan,
            answered(Some("/api/rooms/:room")),
            answered(Some("/api/rooms/:room")),
            answered(None),
        ]);
        let labels = r#"method="GET",route="/api/rooms/:room""#;
        assert_line(&text, &format!("sotto_http_requests_total{{{labels},status=\"2xx\"}} 2"));
        assert_line(&text, &format!("sotto_http_request_duration_seconds_count{{{labels}}} 2"));
        let bucket = |le: &str| {
            format!("sotto_http_request_duration_seconds_bucket{{le=\"{le}\",{labels}}}")
        };
        assert_line(&text, &format!("{} 0", bucket("0.0025")));
        assert_line(&text, &format!("{} 2", bucket("0.005")));
        assert!(text.contains(r#"route="none""#), "{text}");
        assert_line(&text, "sotto_http_requests_under_way 1");
    }

    #[test]
    fn every_figure_has_its_line() {
        let done = CallOutcome::Done;
        let text = after([
            Figure::SocketOpened,
            Figure::SocketOpened,
            Figure::SocketClosed(SocketEnd::GoingAway),
            Figure::FrameReceived(FrameIn::Send),
            Figure::FrameSent(FrameOut::Resync),
            Figure::Message(MessageOutcome::Known),
            Figure::StoreCalled { operation: StoreOperation::Append, outcome: done, took: TOOK },
            Figure::MessagesBatched(3),
            Figure::EventPublished,
            Figure::BroadcastReceived(BroadcastNews::Lost),
            Figure::HashingBegan,
            Figure::HashingBegan,
            Figure::HashingEnded { outcome: CallOutcome::Failed, took: TOOK },
            Figure::Mail(MailStep::GivenUp),
            Figure::MailWaiting(7),
        ]);
        for line in [
            "sotto_sockets 1",
            r#"sotto_sockets_closed_total{code="1001"} 1"#,
            r#"sotto_socket_frames_received_total{type="send"} 1"#,
            r#"sotto_socket_frames_sent_total{type="resync"} 1"#,
            r#"sotto_messages_total{outcome="known"} 1"#,
            r#"sotto_store_calls_total{operation="append",outcome="done"} 1"#,
            r#"sotto_store_call_duration_seconds_count{operation="append"} 1"#,
            r#"sotto_store_batch_messages_bucket{le="2.0"} 0"#,
            r#"sotto_store_batch_messages_bucket{le="4.0"} 1"#,
            "sotto_events_published_total 1",
            r#"sotto_broadcast_received_total{kind="lost"} 1"#,
            "sotto_password_hashing 1",
            r#"sotto_passwords_hashed_total{outcome="failed"} 1"#,
            "sotto_password_hashing_duration_seconds_count 1",
            r#"sotto_mails_total{step="given_up"} 1"#,
            "sotto_mails_waiting 7",
            r#"sotto_build_info{version="1.2.3"} 1"#,
            "# EOF",
        ] {
            assert_line(&text, line);
        }
        for name in
            ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"]
        {
            assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
        }
    }

    #[test]
    fn what_is_looked_up_is_told_as_it_is_at_that_moment() {
        let metrics = PrometheusMetrics::new("1.2.3");
        assert!(!metrics.render().text.contains("sotto_broadcast_connected"));
        let connected = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let looked_at = connected.clone();
        metrics.watch(Watched::BroadcastConnected, move || {
            looked_at.load(std::sync::atomic::Ordering::Relaxed).into()
        });
        assert_line(&metrics.render().text, "sotto_broadcast_connected 1");
        connected.store(false, std::sync::atomic::Ordering::Relaxed);
        assert_line(&metrics.render().text, "sotto_broadcast_connected 0");
    }
}
