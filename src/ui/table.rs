//! Tables: Helm's own byte for byte (columns joined by a TAB and padded with spaces, the last one too), and the
//! aligned columns of our progress lines. Widths are terminal columns, so a Chinese character counts two.
//!
//! Rules from Helm's table writer (gosuri/uitable without a maximal column width): every cell is padded to the
//! widest of its column; a cell with line breaks becomes several lines; colour codes have no width.

use unicode_width::UnicodeWidthStr as _;

/// A table as Helm prints it.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub const fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row; its cells may carry colour codes.
    pub fn row<Cell: Into<String>>(&mut self, cells: impl IntoIterator<Item = Cell>) -> &mut Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// The table's text with the final line break that Helm adds: an empty table is one empty line.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.split('\n').map(visible_width).fold(*width, usize::max);
            }
        }
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            let height = row.iter().map(|cell| cell.split('\n').count()).max().unwrap_or(1);
            for line in 0..height {
                if line > 0 {
                    text.push('\n');
                }
                for (column, cell) in row.iter().enumerate() {
                    if column > 0 {
                        text.push('\t');
                    }
                    pad_into(&mut text, cell.split('\n').nth(line).unwrap_or_default(), widths[column]);
                }
            }
        }
        text.push('\n');
        text
    }
}

/// The terminal columns a text takes, colour codes left out.
pub fn visible_width(text: &str) -> usize {
    if !text.contains('\u{1b}') {
        return text.width();
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            for inner in characters.by_ref() {
                if inner.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(character);
        }
    }
    plain.width()
}

/// Appends `text`, then spaces up to `width` columns.
fn pad_into(target: &mut String, text: &str, width: usize) {
    target.push_str(text);
    target.extend(std::iter::repeat_n(' ', width.saturating_sub(visible_width(text))));
}

/// `text` padded with spaces to `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let mut padded = String::with_capacity(text.len() + width);
    pad_into(&mut padded, text, width);
    padded
}

/// `text` cut to at most `width` columns, its end replaced by `…` when something had to go. Meant for text
/// without colour codes.
pub fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 0;
    for character in text.chars() {
        let columns = unicode_width::UnicodeWidthChar::width(character).unwrap_or_default();
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        short.push(character);
    }
    if width > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{Table, pad, shorten, visible_width};

    #[test]
    fn history_has_helms_bytes() {
        let mut table = Table::new();
        table.row(["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"]);
        table.row(["4", "Fri Sep  2 22:04:05 1977", "deployed", "foo-0.1.0-beta.1", "1.0", "Release mock"]);
        assert_eq!(
            table.render(),
            "REVISION\tUPDATED                 \tSTATUS  \tCHART           \tAPP VERSION\tDESCRIPTION \n\
             4       \tFri Sep  2 22:04:05 1977\tdeployed\tfoo-0.1.0-beta.1\t1.0        \tRelease mock\n"
        );
    }

    #[test]
    fn a_table_without_rows_is_one_empty_line() {
        assert_eq!(Table::new().render(), "\n");
    }

    #[test]
    fn chinese_counts_two_columns_and_colour_none() {
        assert_eq!(visible_width("麦麦"), 4);
        assert_eq!(visible_width("\u{1b}[32mdeployed\u{1b}[0m"), 8);
        assert_eq!(pad("麦麦", 6), "麦麦  ");
        let mut table = Table::new();
        table.row(["麦麦", "x"]).row(["\u{1b}[1mabcdef\u{1b}[0m", "y"]);
        assert_eq!(table.render(), "麦麦  \tx\n\u{1b}[1mabcdef\u{1b}[0m\ty\n");
    }

    #[test]
    fn a_cell_with_line_breaks_becomes_lines() {
        let mut table = Table::new();
        table.row(["a\nbcd", "x"]);
        assert_eq!(table.render(), "a  \tx\nbcd\t \n");
    }

    #[test]
    fn shortening_respects_double_width() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 5), "abcd…");
        assert_eq!(shorten("未确认升级", 5), "未确…");
        assert_eq!(shorten("未确认升级", 0), "");
    }
}
