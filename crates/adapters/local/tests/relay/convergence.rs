//! Several instances, writers on all of them, and a way between them that loses, delays and
//! reorders: whoever listens ends up with the store's history.
use crate::{
    history::SharedHistory,
    instance::{Instance, settle},
    person,
};
use application::ports::{Delivery, EventBus, Received, Subscription};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    message::SealedMessage,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};
use testkit::Dice;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

const SEEDS: u64 = 150;
const STEPS: usize = 400;
const PEOPLE: u8 = 5;
/// The last of them has no sockets, and dies again and again before it has announced anything.
const INSTANCES: usize = 3;

/// A client that keeps to the rules: it starts from the store once it is ready, applies what it is
/// told, and asks for the changes behind its position when it is told to.
struct Client {
    seed: u64,
    user: UserId,
    events: Subscription,
    messages: HashMap<(RoomId, u64), SealedMessage>,
    positions: HashMap<RoomId, u64>,
    /// The greatest `rev` told of each room.
    told: HashMap<RoomId, u64>,
}

impl Client {
    fn ready(seed: u64, user: UserId, events: Subscription, history: &SharedHistory) -> Self {
        let mut client = Self {
            seed,
            user,
            events,
            messages: HashMap::new(),
            positions: HashMap::new(),
            told: HashMap::new(),
        };
        client.ask_for_changes(history);
        client
    }

    fn read(&mut self, history: &SharedHistory) {
        while let Some(delivery) = self.events.try_next() {
            match delivery {
                Delivery::Resync => self.ask_for_changes(history),
                Delivery::Event(event) => {
                    if let ChatEvent::Message { message, .. } = event.as_ref() {
                        self.hear(message.clone());
                    }
                }
            }
        }
    }

    fn hear(&mut self, message: SealedMessage) {
        let told = self.told.entry(message.room).or_default();
        assert!(message.rev > *told, "seed {}: {} after {told}", self.seed, message.rev);
        *told = message.rev;
        self.apply(message);
    }

    fn ask_for_changes(&mut self, history: &SharedHistory) {
        for room in history.rooms_of(self.user) {
            let position = self.positions.get(&room).copied().unwrap_or(0);
            let changed = history.messages(room).into_iter().filter(|m| m.rev > position);
            for message in changed {
                let furthest = self.positions.entry(room).or_default();
                *furthest = message.rev.max(*furthest);
                self.apply(message);
            }
        }
    }

    fn apply(&mut self, message: SealedMessage) {
        let place = (message.room, message.seq);
        let newer = self.messages.get(&place).is_none_or(|known| known.rev < message.rev);
        if newer {
            self.messages.insert(place, message);
        }
    }

    fn assert_complete(&self, history: &SharedHistory) {
        for room in history.rooms_of(self.user) {
            for message in history.messages(room) {
                let known = self.messages.get(&(room, message.seq));
                assert_eq!(known, Some(&message), "seed {}: {room}", self.seed);
            }
        }
    }
}

struct World {
    seed: u64,
    dice: Dice,
    history: Arc<SharedHistory>,
    rooms: BTreeMap<(u8, u8), RoomId>,
    instances: Vec<Instance>,
    /// Stored, but not yet announced by the instance that stored it.
    unannounced: Vec<VecDeque<ChatEvent>>,
    /// On the way to an instance.
    on_the_way: Vec<Vec<ChatEvent>>,
    joining: Vec<JoinHandle<Option<Client>>>,
    clients: Vec<Client>,
}

impl World {
    async fn new(seed: u64) -> Self {
        let history = Arc::new(SharedHistory::default());
        let mut instances = Vec::new();
        for _ in 0..INSTANCES {
            instances.push(Instance::on(&history).await);
        }
        Self {
            seed,
            dice: Dice::seeded(seed),
            history,
            rooms: BTreeMap::new(),
            instances,
            unannounced: vec![VecDeque::new(); INSTANCES],
            on_the_way: vec![Vec::new(); INSTANCES],
            joining: Vec::new(),
            clients: Vec::new(),
        }
    }

    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.dice.throw(sides as u64)).expect("small")
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    async fn step(&mut self) {
        match self.below(16) {
            0..6 => self.store(),
            6..9 => self.announce(),
            9..12 => self.carry(),
            12 => self.join(),
            13 => self.fault(),
            14 => self.read().await,
            _ => sleep(Duration::from_millis(self.dice.throw(300))).await,
        }
    }

    fn store(&mut self) {
        let (one, other) = (self.below(PEOPLE.into()), self.below(PEOPLE.into()));
        let pair = (one.min(other), one.max(other));
        if one == other {
            return;
        }
        let pair = [pair.0, pair.1].map(|n| u8::try_from(n).expect("small"));
        let instance = self.below(INSTANCES);
        let history = self.history.clone();
        let unannounced = &mut self.unannounced[instance];
        let room = *self.rooms.entry((pair[0], pair[1])).or_insert_with(|| {
            let room = history.open(person(pair[0]), person(pair[1]));
            unannounced.push_back(history.opened(room));
            room
        });
        let messages = self.history.messages(room).len();
        let event = if messages > 0 && self.one_in(3) {
            let seq = self.below(messages) as u64 + 1;
            self.history.edit(room, seq)
        } else {
            self.history.send(room)
        };
        self.unannounced[instance].push_back(event);
    }

    fn announce(&mut self) {
        let instance = self.below(INSTANCES);
        if instance == INSTANCES - 1 && self.one_in(2) {
            self.unannounced[instance].clear();
        }
        for _ in 0..self.below(4) {
            if let Some(event) = self.unannounced[instance].pop_front() {
                self.instances[instance].bus.publish(event);
            }
        }
        self.send_off(instance);
    }

    /// Some of what an instance sent never arrives, and nobody knows.
    fn send_off(&mut self, from: usize) {
        for event in self.instances[from].wire.take_sent() {
            for to in 0..INSTANCES {
                if to != from && !self.one_in(6) {
                    self.on_the_way[to].push(event.clone());
                }
            }
        }
    }

    /// In any order.
    fn carry(&mut self) {
        let to = self.below(INSTANCES);
        for _ in 0..self.below(4) {
            let waiting = self.on_the_way[to].len();
            if waiting > 0 {
                let which = self.below(waiting.min(5));
                let event = self.on_the_way[to].remove(which);
                self.instances[to].wire.deliver_event(event);
            }
        }
    }

    fn join(&mut self) {
        if !self.clients.is_empty() && self.one_in(2) {
            let who = self.below(self.clients.len());
            self.clients.swap_remove(who);
            return;
        }
        let user = person(u8::try_from(self.below(PEOPLE.into())).expect("small"));
        let instance = self.below(INSTANCES - 1);
        let bus = self.instances[instance].bus.clone();
        let (seed, history) = (self.seed, self.history.clone());
        *history.slow_heads.lock().expect("no panic") = Duration::from_millis(self.dice.throw(100));
        self.joining.push(tokio::spawn(async move {
            let events = bus.subscribe(user).await.ok()?;
            Some(Client::ready(seed, user, events, &history))
        }));
    }

    fn fault(&mut self) {
        let to = self.below(INSTANCES);
        match self.below(7) {
            0 => self.instances[to].wire.deliver(Received::Lost),
            1 => {
                let user = person(u8::try_from(self.below(PEOPLE.into())).expect("small"));
                self.instances[to].wire.deliver(Received::LostFor(vec![user]));
            }
            2 => {
                let connected = self.one_in(2);
                self.instances[to].wire.set_connected(connected);
            }
            3 => self.history.changes_fail.store(self.dice.throw(3) == 0, Ordering::Relaxed),
            4 => self.history.looks_fail.store(self.dice.throw(3) == 0, Ordering::Relaxed),
            5 => self.history.bound_ahead.store(self.dice.throw(3), Ordering::Relaxed),
            _ => {
                let rooms: Vec<RoomId> = self.rooms.values().copied().collect();
                if !rooms.is_empty() {
                    let room = rooms[self.below(rooms.len())];
                    let delay = Duration::from_millis(self.dice.throw(2_500));
                    self.history.slow.lock().expect("no panic").insert(room, delay);
                }
            }
        }
    }

    async fn read(&mut self) {
        for joining in std::mem::take(&mut self.joining) {
            if joining.is_finished() {
                self.clients.extend(joining.await.expect("no panic"));
            } else {
                self.joining.push(joining);
            }
        }
        for client in &mut self.clients {
            if self.dice.throw(2) == 0 {
                client.read(&self.history);
            }
        }
    }

    /// From here on nothing fails, but what was lost stays lost.
    async fn end(&mut self) {
        for fault in [&self.history.changes_fail, &self.history.looks_fail] {
            fault.store(false, Ordering::Relaxed);
        }
        self.history.slow.lock().expect("no panic").clear();
        for instance in 0..INSTANCES - 1 {
            for event in std::mem::take(&mut self.unannounced[instance]) {
                self.instances[instance].bus.publish(event);
            }
            self.send_off(instance);
        }
        for to in 0..INSTANCES {
            for _ in 0..50 {
                self.carry_to(to);
            }
        }
        sleep(Duration::from_secs(10)).await;
        self.read().await;
        assert!(self.joining.is_empty(), "seed {}", self.seed);
    }

    fn carry_to(&mut self, to: usize) {
        if !self.on_the_way[to].is_empty() {
            let event = self.on_the_way[to].remove(0);
            self.instances[to].wire.deliver_event(event);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_lost_delayed_or_reordered_every_client_ends_up_with_the_history() {
    let (mut clients, mut repairs, mut resyncs) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed).await;
        for _ in 0..STEPS {
            world.step().await;
        }
        world.end().await;
        for client in &mut world.clients {
            client.read(&world.history);
            client.assert_complete(&world.history);
        }
        clients += world.clients.len();
        for instance in &world.instances {
            repairs += instance.bus.figures().repairs;
            resyncs += instance.bus.figures().resyncs;
        }
        world.clients.clear();
        sleep(Duration::from_secs(5)).await;
        for instance in &world.instances {
            let figures = instance.bus.figures();
            assert_eq!((figures.people, figures.rooms), (0, 0), "seed {seed}");
        }
    }
    // It was not peaceful.
    assert!(clients as u64 > SEEDS && repairs > 10 * SEEDS && resyncs > SEEDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_and_repairs_that_race_tell_each_room_in_order() {
    const PUBLISHERS: u64 = 4;
    const EACH: u64 = 250;
    let history = Arc::new(SharedHistory::default());
    let room = history.open(person(1), person(2));
    let here = Instance::on(&history).await;
    let mut client = Client::ready(0, person(1), here.join(person(1)).await, &history);
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let (history, bus) = (&history, &here.bus);
            scope.spawn(move || {
                for n in 0..EACH {
                    let event = history.send(room);
                    // One of them is silent at times; the others leave it behind.
                    if publisher > 0 || n % 10 > 0 {
                        bus.publish(event);
                    }
                }
            });
        }
    });
    let told_all = async {
        here.bus.publish(history.send(room));
        while client.told.get(&room) != Some(&(PUBLISHERS * EACH + 1)) {
            settle().await;
            client.read(&history);
        }
    };
    timeout(Duration::from_secs(20), told_all).await.expect("everything is told");
    client.assert_complete(&history);
    assert_eq!(here.bus.figures().resyncs, 0);
}
