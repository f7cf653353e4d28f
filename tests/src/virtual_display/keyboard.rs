//! Keys that are pressed on a virtual display.

use std::io;

use x11rb::{
    connection::Connection,
    protocol::{
        xproto::{
            ConnectionExt as _, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MapState, Window,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
};

/// A key, as an X keysym.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySymbol(pub u32);

impl KeySymbol {
    /// The arrow to the left.
    pub const LEFT: Self = Self(0xff51);
}

/// Presses a key in the largest window of the display, and releases it.
pub(super) fn press(display: &str, key: KeySymbol) -> io::Result<()> {
    let (connection, screen) = RustConnection::connect(Some(display)).map_err(io::Error::other)?;
    let root = connection.setup().roots[screen].root;
    let code = key_code(&connection, key)?;
    let window = largest_window(&connection, root)?;
    let focus = connection.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME);
    focus.map_err(io::Error::other)?;
    for event in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
        let input = connection.xtest_fake_input(event, code, x11rb::CURRENT_TIME, root, 0, 0, 0);
        input.map_err(io::Error::other)?.check().map_err(io::Error::other)?;
    }
    Ok(())
}

fn key_code(connection: &RustConnection, key: KeySymbol) -> io::Result<u8> {
    let (first, last) = (connection.setup().min_keycode, connection.setup().max_keycode);
    let mapping = connection.get_keyboard_mapping(first, last - first + 1);
    let mapping = mapping.map_err(io::Error::other)?.reply().map_err(io::Error::other)?;
    let mut codes = mapping.keysyms.chunks(usize::from(mapping.keysyms_per_keycode));
    let at = codes.position(|symbols| symbols.first() == Some(&key.0));
    let at = at.ok_or_else(|| io::Error::other("the display has no such key"))?;
    Ok(first + at as u8)
}

fn largest_window(connection: &RustConnection, root: Window) -> io::Result<Window> {
    let tree = connection.query_tree(root).map_err(io::Error::other)?;
    let children = tree.reply().map_err(io::Error::other)?.children;
    let mut windows = Vec::new();
    for window in children {
        let look = connection.get_window_attributes(window).map_err(io::Error::other)?;
        let size = connection.get_geometry(window).map_err(io::Error::other)?;
        // It may have been destroyed meanwhile.
        let (Ok(look), Ok(size)) = (look.reply(), size.reply()) else { continue };
        if look.map_state == MapState::VIEWABLE {
            windows.push((u32::from(size.width) * u32::from(size.height), window));
        }
    }
    let largest = windows.into_iter().max().map(|(_, window)| window);
    largest.ok_or_else(|| io::Error::other("the display shows no window"))
}
