//! The conversation.
mod alter_messages;
mod attendance;
mod clear_room;
mod follow;
mod history;
mod mark_delivered;
mod mark_read;
mod mute_room;
mod open_room;
mod opened;
mod reach;
mod relations;
mod requests;
mod rooms;
mod search_messages;
mod send_messages;
mod typing;

pub use alter_messages::{AlterError, AlterMessages, Wish};
pub use attendance::{Attendance, Attending, Lingering};
pub use clear_room::{ClearRoom, ClearRoomError};
pub use follow::{Follow, Following, LiveEvent, Scope};
pub use history::{Changes, History, HistoryError, Messages};
pub use mark_delivered::{MarkDelivered, Outstanding};
pub use mark_read::{MarkRead, MarkReadError};
pub use mute_room::{MuteRoom, MuteRoomError};
pub use open_room::{OpenRoom, OpenRoomError};
pub use opened::{Content, OpenedAttachment, OpenedMessage, Opener};
pub use reach::{Barrier, Reach};
pub use relations::{Memory, Relations, Tie};
pub use requests::{RequestError, Requests};
pub use rooms::{RoomEntry, RoomList, Rooms};
pub use search_messages::{
    Found, LaneCursor, SearchCursor, SearchError, SearchFrom, SearchMessages,
};
pub use send_messages::{Draft, SendError, SendMessages, Sent};
pub use typing::Typing;
