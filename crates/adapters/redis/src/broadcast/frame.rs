//! What goes through the channel.
//!
//! A frame is version (1 byte) ‖ id of the sending instance (16) ‖ the sealed rest. The id is in the
//! clear so that an instance knows its own without opening them, and bound into the seal.
use super::{
    InstanceId,
    outgoing::Lost,
    records::{self, FrameRecord},
};
use application::ports::{PayloadPurpose, PayloadSealer};
use domain::{event::ChatEvent, sealing::SealedPayload};
use std::sync::Arc;

/// The form of frames. Whoever reads another one takes its events for lost, so that instances of two
/// versions live together through an upgrade.
const VERSION: u8 = 1;
const HEADER: usize = 1 + size_of::<InstanceId>();

/// One thing sent: what was lost before it, and some events.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its place among the frames of its instance: 1, 2, 3 …
    pub number: u64,
    /// Up to which number a receiver must have heard all to have missed nothing. The frames between
    /// the two never arrived anywhere, or what they carried is told to be lost.
    pub previous: u64,
    /// Whose events could not be sent.
    pub lost: Lost,
    /// In the order in which they were published.
    pub events: Vec<ChatEvent>,
}

/// Puts frames into their sealed form, and takes them out again.
#[derive(Clone)]
pub(super) struct Envelope {
    sealer: Arc<dyn PayloadSealer>,
    instance: InstanceId,
}

/// A frame that can't be read: of another version, sealed with another key, or no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Illegible;

impl Envelope {
    pub fn new(sealer: Arc<dyn PayloadSealer>, instance: InstanceId) -> Self {
        Self { sealer, instance }
    }

    pub fn seal(&self, frame: &Frame) -> Vec<u8> {
        let plain = FrameRecord::of(frame).to_bytes();
        let context = context(&self.instance);
        let sealed = self.sealer.seal(PayloadPurpose::Event, &context, &plain);
        [&context, sealed.as_bytes()].concat()
    }

    pub fn open(&self, bytes: &[u8]) -> Result<Frame, Illegible> {
        let (header, sealed) = bytes.split_at_checked(HEADER).ok_or(Illegible)?;
        if header.first() != Some(&VERSION) {
            return Err(Illegible);
        }
        let sealed = SealedPayload::new(sealed.to_vec());
        let plain =
            self.sealer.open(PayloadPurpose::Event, header, &sealed).map_err(|_| Illegible)?;
        records::frame(&plain).ok_or(Illegible)
    }
}

/// Who says to have sent a frame. Proved only by opening it.
pub(super) fn sender(bytes: &[u8]) -> Option<InstanceId> {
    bytes.get(1..HEADER)?.try_into().ok()
}

fn context(instance: &InstanceId) -> [u8; HEADER] {
    let mut context = [VERSION; HEADER];
    context[1..].copy_from_slice(instance);
    context
}

#[cfg(test)]
mod tests {
    use super::*;
    use adapter_crypto::{AesPayloadSealer, KeyRing, OsEntropy};
    use domain::id::{SessionId, UserId};

    fn envelope(instance: u8) -> Envelope {
        let (ring, _) = KeyRing::generate(&OsEntropy);
        let sealer = AesPayloadSealer::new(Arc::new(ring), Arc::new(OsEntropy));
        Envelope::new(Arc::new(sealer), [instance; 16])
    }

    fn frame() -> Frame {
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let events = vec![ChatEvent::SessionEnded { user, session }];
        Frame { number: 7, previous: 5, lost: Lost::of([user]), events }
    }

    #[test]
    fn a_frame_reads_back_and_names_its_sender() {
        let envelope = envelope(9);
        let bytes = envelope.seal(&frame());
        assert_eq!(envelope.open(&bytes), Ok(frame()));
        assert_eq!(sender(&bytes), Some([9; 16]));
    }

    #[test]
    fn a_frame_under_another_name_or_version_or_key_or_cut_short_is_illegible() {
        let envelope = envelope(9);
        let bytes = envelope.seal(&frame());
        for at in [0, 1, HEADER, bytes.len() - 1] {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert_eq!(envelope.open(&altered), Err(Illegible), "byte {at}");
        }
        for length in [0, 1, HEADER - 1, HEADER, HEADER + 1] {
            assert_eq!(envelope.open(&bytes[..length]), Err(Illegible), "{length} bytes");
        }
        assert_eq!(self::envelope(9).open(&bytes), Err(Illegible));
    }
}
