//! What several scripts begin with.

/// Redis' clock, in whole milliseconds: the instances' own may differ.
macro_rules! now {
    () => {
        "local time = redis.call('TIME')
         local now = time[1] * 1000 + math.floor(time[2] / 1000)
        "
    };
}
