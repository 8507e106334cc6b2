use crate::world::{MILLISECOND, World, down};
use application::{
    operations::{AcceptMail, DeliverMail},
    ports::{
        DeliveryError, Figure, MailStep, MailTransport, Metrics, MockOutboxRepository, NoMetrics,
        OutboxRepository, RenderedMail,
    },
};
use async_trait::async_trait;
use domain::{
    TimeDelta, Timestamp,
    outbox::{MailId, OutgoingMail},
};
use std::{
    collections::{HashSet, VecDeque},
    future::{pending, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{CountingEntropy, PlainPayloadSealer, START, an_email};
use tokio::sync::{Notify, Semaphore};

/// A mail server that answers as it is told to, and else takes everything.
struct Post {
    answers: Mutex<VecDeque<Result<(), DeliveryError>>>,
    taken: Mutex<Vec<(MailId, Timestamp, RenderedMail)>>,
    /// How many deliveries it lets through.
    gate: Semaphore,
    inside: AtomicU32,
    most_inside: AtomicU32,
}

impl Default for Post {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            taken: Mutex::default(),
            gate: Semaphore::new(1000),
            inside: AtomicU32::new(0),
            most_inside: AtomicU32::new(0),
        }
    }
}

impl Post {
    fn answering(answers: impl IntoIterator<Item = Result<(), DeliveryError>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() })
    }

    fn taken(&self) -> Vec<(MailId, Timestamp, RenderedMail)> {
        self.taken.lock().expect("sound").clone()
    }

    fn inside(&self) -> u32 {
        self.inside.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl MailTransport for Post {
    async fn deliver(
        &self,
        id: MailId,
        accepted_at: Timestamp,
        mail: &RenderedMail,
    ) -> Result<(), DeliveryError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
        self.gate.acquire().await.expect("open").forget();
        tokio::task::yield_now().await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.taken.lock().expect("sound").push((id, accepted_at, mail.clone()));
        self.answers.lock().expect("sound").pop_front().unwrap_or(Ok(()))
    }
}

fn temporary() -> Result<(), DeliveryError> {
    Err(DeliveryError::Temporary { reason: "come back later".to_owned(), code: Some(451) })
}

fn permanent() -> Result<(), DeliveryError> {
    Err(DeliveryError::Permanent { reason: "nobody lives here".to_owned(), code: Some(550) })
}

/// An outbox with a post.
struct Office {
    w: World,
    post: Arc<Post>,
    wake: Arc<Notify>,
    entropy: Arc<CountingEntropy>,
}

impl Office {
    fn new(post: Arc<Post>) -> Self {
        Self { w: World::new(), post, wake: Arc::default(), entropy: Arc::default() }
    }

    fn accept_mail(&self) -> AcceptMail {
        AcceptMail {
            outbox: self.w.store.outbox.clone(),
            sealer: Arc::new(PlainPayloadSealer),
            clock: self.w.clock.clone(),
            entropy: self.entropy.clone(),
            wake: self.wake.clone(),
        }
    }

    fn deliver_mail(&self) -> DeliverMail {
        DeliverMail {
            outbox: self.w.store.outbox.clone(),
            sealer: Arc::new(PlainPayloadSealer),
            transport: self.post.clone(),
            clock: self.w.clock.clone(),
            metrics: Arc::new(NoMetrics),
            wake: self.wake.clone(),
        }
    }

    async fn accept(&self, mail: &RenderedMail) {
        self.accept_mail().execute(mail).await.expect("accepts");
    }

    /// One look at what is due.
    async fn round(&self) {
        self.deliver_mail().run(ready(())).await;
    }

    async fn waiting(&self) -> u64 {
        self.w.store.outbox.count().await.expect("answers")
    }
}

fn a_mail(n: u32) -> RenderedMail {
    RenderedMail {
        to: an_email(n),
        subject: format!("Mail {n}"),
        text: "In words.\n".to_owned(),
        html: "<p>In words.</p>\n".to_owned(),
        expires_at: None,
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Figures(Mutex<Vec<Figure>>);

impl Metrics for Figures {
    fn note(&self, figure: Figure) {
        self.0.lock().expect("sound").push(figure);
    }
}

async fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_accepted_mail_is_delivered_as_it_was_and_forgotten() {
    let o = Office::new(Arc::default());
    o.accept(&a_mail(1)).await;
    assert_eq!(o.waiting().await, 1);
    o.w.clock.advance(TimeDelta::seconds(3));
    o.round().await;
    let taken = o.post.taken();
    let [(_, accepted_at, mail)] = &*taken else { panic!("{} were taken", taken.len()) };
    assert!(*accepted_at == START && *mail == a_mail(1));
    assert_eq!(o.waiting().await, 0);
}

#[tokio::test]
async fn a_mail_is_on_its_way_as_soon_as_it_is_accepted() {
    let o = Office::new(Arc::default());
    let running = tokio::spawn({
        let deliver_mail = o.deliver_mail();
        async move { deliver_mail.run(pending()).await }
    });
    // It has looked, found nothing and waits.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    o.accept(&a_mail(1)).await;
    until(|| o.post.taken().len() == 1).await;
    assert!(began.elapsed() < Duration::from_secs(1), "it was woken, not late");
    running.abort();
}

#[tokio::test]
async fn after_a_temporary_failure_it_is_tried_again_ever_later() {
    let o = Office::new(Post::answering([temporary(), temporary(), temporary()]));
    o.accept(&a_mail(1)).await;
    o.round().await;
    for (tries, wait) in [(1, 5), (2, 10), (3, 20)] {
        o.w.clock.advance(TimeDelta::seconds(wait) - MILLISECOND);
        o.round().await;
        assert_eq!(o.post.taken().len(), tries, "not before {wait} seconds");
        o.w.clock.advance(MILLISECOND);
        o.round().await;
        assert_eq!(o.post.taken().len(), tries + 1);
    }
    assert_eq!(o.waiting().await, 0, "the fourth try went well");
    let ids: HashSet<MailId> = o.post.taken().iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids.len(), 1, "every try has the id of the mail");
}

#[tokio::test]
async fn after_a_permanent_failure_it_is_given_up() {
    let o = Office::new(Post::answering([permanent()]));
    o.accept(&a_mail(1)).await;
    o.round().await;
    assert_eq!((o.post.taken().len(), o.waiting().await), (1, 0));
}

#[tokio::test]
async fn what_fails_for_two_days_is_given_up() {
    let o = Office::new(Post::answering([temporary(), temporary()]));
    o.accept(&a_mail(1)).await;
    o.w.clock.advance(OutgoingMail::LIFETIME - MILLISECOND);
    o.round().await;
    assert_eq!(o.waiting().await, 1);
    o.w.clock.advance(TimeDelta::minutes(1));
    o.round().await;
    assert_eq!((o.post.taken().len(), o.waiting().await), (2, 0));
}

#[tokio::test]
async fn a_mail_whose_code_has_expired_is_dropped_rather_than_sent() {
    for (early, sent) in [(MILLISECOND, 1), (TimeDelta::zero(), 0)] {
        let o = Office::new(Arc::default());
        let expires_at = START + TimeDelta::minutes(10);
        o.accept(&RenderedMail { expires_at: Some(expires_at), ..a_mail(1) }).await;
        o.w.clock.advance(TimeDelta::minutes(10) - early);
        o.round().await;
        assert_eq!((o.post.taken().len(), o.waiting().await), (sent, 0));
    }
}

#[tokio::test]
async fn a_mail_that_cannot_be_opened_is_kept_for_its_lifetime_and_holds_up_no_other() {
    let o = Office::new(Arc::default());
    let moved = {
        o.accept(&a_mail(1)).await;
        let outbox = &o.w.store.outbox;
        let mail = outbox.claim_due(START, START, 1).await.expect("answers").remove(0);
        outbox.remove(mail.id).await.expect("answers");
        OutgoingMail { id: MailId::from_bytes([7; 16]), ..mail }
    };
    o.w.store.outbox.insert(&moved).await.expect("answers");
    o.accept(&a_mail(2)).await;
    o.round().await;
    assert!(o.post.taken().iter().all(|(_, _, mail)| *mail == a_mail(2)));
    assert_eq!((o.post.taken().len(), o.waiting().await), (1, 1));
    o.w.clock.advance(OutgoingMail::LIFETIME);
    o.round().await;
    assert_eq!((o.post.taken().len(), o.waiting().await), (1, 0));
}

#[tokio::test]
async fn whoever_dies_between_delivering_and_forgetting_delivers_again_under_the_same_id() {
    let o = Office::new(Arc::default());
    o.accept(&a_mail(1)).await;
    let lease = START + OutgoingMail::LEASE;
    let claimed = o.w.store.outbox.claim_due(START, lease, 1).await.expect("answers");
    let mut outbox = MockOutboxRepository::new();
    outbox.expect_count().returning(|| Ok(1));
    outbox.expect_claim_due().return_once(|_, _, _| Ok(claimed));
    outbox.expect_remove().returning(|_| panic!("planted"));
    let died = DeliverMail { outbox: Arc::new(outbox), ..o.deliver_mail() };
    died.run(ready(())).await;
    o.round().await;
    assert_eq!(o.post.taken().len(), 1, "it is leased");
    o.w.clock.advance(OutgoingMail::LEASE);
    o.round().await;
    let ids: Vec<MailId> = o.post.taken().iter().map(|(id, ..)| *id).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1]);
    assert_eq!(o.waiting().await, 0);
}

#[tokio::test]
async fn what_is_on_its_way_when_the_stop_comes_is_finished_and_nothing_else_begun() {
    let o = Office::new(Arc::new(Post { gate: Semaphore::new(0), ..Post::default() }));
    for n in 1..=9 {
        o.accept(&a_mail(n)).await;
    }
    let stop = Arc::new(Notify::new());
    let running = tokio::spawn({
        let (deliver_mail, stop) = (o.deliver_mail(), stop.clone());
        async move { deliver_mail.run(stop.notified()).await }
    });
    until(|| o.post.inside() == 4).await;
    stop.notify_one();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!running.is_finished());
    o.post.gate.add_permits(100);
    running.await.expect("ends");
    assert_eq!((o.post.taken().len(), o.waiting().await), (4, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_deliver_each_mail_once_and_few_at_a_time() {
    let o = Office::new(Arc::default());
    for n in 1..=60 {
        o.accept(&a_mail(n)).await;
    }
    let instances = [o.deliver_mail(), o.deliver_mail()]
        .map(|deliver_mail| tokio::spawn(async move { deliver_mail.run(pending()).await }));
    until(|| o.post.taken().len() >= 60).await;
    let began = Instant::now();
    while o.waiting().await > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "they are forgotten");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for instance in instances {
        instance.abort();
    }
    let ids: HashSet<MailId> = o.post.taken().iter().map(|(id, ..)| *id).collect();
    assert_eq!((ids.len(), o.post.taken().len()), (60, 60));
    assert!(o.post.most_inside.load(Ordering::SeqCst) <= 8, "four for each instance");
}

#[tokio::test]
async fn an_outbox_that_does_not_answer_is_asked_again() {
    let o = Office::new(Arc::default());
    let mut outbox = MockOutboxRepository::new();
    outbox.expect_count().returning(|| Err(down()));
    outbox.expect_claim_due().times(2).returning(|_, _, _| Err(down()));
    outbox.expect_claim_due().returning(|_, _, _| Ok(vec![]));
    let asked: Arc<dyn OutboxRepository> = Arc::new(outbox);
    let deliver_mail = DeliverMail { outbox: asked, ..o.deliver_mail() };
    let stop = Arc::new(Notify::new());
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { deliver_mail.run(stop.notified()).await }
    });
    for _ in 0..3 {
        o.wake.notify_one();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.notify_one();
    running.await.expect("it went on, and ended when told to");
}

#[tokio::test]
async fn a_mail_that_could_not_be_stored_is_not_accepted() {
    let o = Office::new(Arc::default());
    let mut outbox = MockOutboxRepository::new();
    outbox.expect_insert().returning(|_| Err(down()));
    let accept_mail = AcceptMail { outbox: Arc::new(outbox), ..o.accept_mail() };
    assert!(accept_mail.execute(&a_mail(1)).await.is_err());
    let endless = RenderedMail { html: "x".repeat(70_000), ..a_mail(1) };
    assert!(o.accept_mail().execute(&endless).await.is_err());
    assert_eq!(o.waiting().await, 0);
}

#[tokio::test]
async fn each_step_of_a_mail_is_counted_and_what_waits() {
    let o = Office::new(Post::answering([temporary(), Ok(()), permanent()]));
    let figures = Arc::new(Figures::default());
    let deliver_mail = DeliverMail { metrics: figures.clone(), ..o.deliver_mail() };
    o.accept(&a_mail(1)).await;
    deliver_mail.run(ready(())).await;
    o.w.clock.advance(TimeDelta::seconds(5));
    deliver_mail.run(ready(())).await;
    o.accept(&a_mail(2)).await;
    deliver_mail.run(ready(())).await;
    let steps = [MailStep::Retried, MailStep::Delivered, MailStep::GivenUp];
    let expected: Vec<Figure> =
        steps.into_iter().flat_map(|step| [Figure::MailWaiting(1), Figure::Mail(step)]).collect();
    assert_eq!(*figures.0.lock().expect("sound"), expected);
}
