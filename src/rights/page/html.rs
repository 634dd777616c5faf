//! Markup that is ours, and text that is escaped.

/// A page as it grows.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup.  It is part of the program: nothing that came from anywhere else is `'static`.
    pub(super) fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Adds text, escaped; it can stand in an element and in an attribute with double quotes.
    pub(super) fn text(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Marks that change the direction of writing could make a line read otherwise.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {}
                char if char.is_control() && char != '\n' => self.0.push(' '),
                char => self.0.push(char),
            }
        }
    }

    /// Adds text between two pieces of markup.
    pub(super) fn within(&mut self, before: &'static str, text: &str, after: &'static str) {
        self.markup(before);
        self.text(text);
        self.markup(after);
    }

    /// Adds a line of a list of terms, if there is something to say.
    pub(super) fn term(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.within("<div><dt>", name, "</dt>");
            self.within("<dd>", text, "</dd></div>\n");
        }
    }

    /// Adds a table: its caption, its heads, and its rows.  Roles are said besides, because narrow
    /// screens show rows as blocks, which takes them from tables.
    pub(super) fn table(&mut self, caption: &str, heads: &[&str], rows: &[Vec<String>]) {
        self.markup("<table role=\"table\">\n");
        self.within("<caption>", caption, "</caption>\n");
        self.markup("<thead role=\"rowgroup\"><tr role=\"row\">");
        for head in heads {
            self.within("<th role=\"columnheader\" scope=\"col\">", head, "</th>");
        }
        self.markup("</tr></thead>\n<tbody role=\"rowgroup\">\n");
        for row in rows {
            self.markup("<tr role=\"row\">");
            for (head, cell) in heads.iter().zip(row) {
                self.within("<td role=\"cell\" data-head=\"", head, "\">");
                self.within("", cell, "</td>");
            }
            self.markup("</tr>\n");
        }
        self.markup("</tbody>\n</table>\n");
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}
