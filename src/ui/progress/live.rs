//! The live table: one row an object that is waited for, its Pods below it as long as they are not ready, a head
//! with the phase and the time. Rows that are done turn green and stay until the table goes; the table goes when
//! the observer is dropped, and leaves nothing behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::action::{Event, ObjectRef, ObjectState, Observer};

use crate::ui::message;
use crate::ui::paint::Paint;
use crate::ui::printer::Printer;
use crate::ui::table::{pad, shorten};

use super::lines::{self, Line};

/// Columns the object and the state take at most; the detail gets the rest.
const OBJECT_WIDTH: usize = 46;
const STATE_WIDTH: usize = 12;

/// Draws events as a table.
#[derive(Debug)]
pub(super) struct Live {
    printer: Arc<Printer>,
    bars: MultiProgress,
    head: ProgressBar,
    rows: Mutex<BTreeMap<RowKey, ProgressBar>>,
}

/// Rows are sorted by workload, a workload before its Pods.
type RowKey = (ObjectRef, Option<ObjectRef>);

impl Live {
    pub(super) fn new(printer: Arc<Printer>) -> Self {
        Self::on(printer, ProgressDrawTarget::stderr())
    }

    fn on(printer: Arc<Printer>, target: ProgressDrawTarget) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let head = bars.add(ProgressBar::new_spinner().with_style(style));
        head.enable_steady_tick(Duration::from_millis(120));
        printer.begin_live(bars.clone());
        Self { printer, bars, head, rows: Mutex::new(BTreeMap::new()) }
    }

    fn status(&self, object: &ObjectRef, parent: Option<&ObjectRef>, state: ObjectState, detail: &str) {
        let key = match parent {
            Some(parent) => (parent.clone(), Some(object.clone())),
            None => (object.clone(), None),
        };
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let over = matches!(state, ObjectState::Absent) || (parent.is_some() && state == ObjectState::Ready);
        if over {
            if let Some(row) = rows.remove(&key) {
                row.finish_and_clear();
                self.bars.remove(&row);
            }
            return;
        }
        if state == ObjectState::Ready && !rows.contains_key(&key) {
            // Ready from the beginning: nobody waits for it.
            return;
        }
        let text = row(object, parent.is_some(), state, detail, &self.printer);
        if let Some(row) = rows.get(&key) {
            row.set_message(text);
            return;
        }
        let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style);
        let bar = match rows.range(..key.clone()).next_back() {
            Some((_, above)) => self.bars.insert_after(above, bar),
            None => self.bars.insert_after(&self.head, bar),
        };
        bar.set_message(text);
        rows.insert(key, bar);
    }
}

impl Observer for Live {
    fn event(&self, event: &Event) {
        match event {
            Event::PhaseStarted { phase } => {
                self.head.set_message(message::phase(*phase, self.printer.language()).to_owned());
            }
            Event::ObjectStatus { object, parent, state, detail } => {
                self.status(object, parent.as_ref(), *state, detail);
            }
            Event::PhaseFinished { .. } | Event::ObjectChanged { .. } => {}
            other => match lines::line(other, self.printer.language()) {
                Line::Stamped(text) => self.printer.line(&text),
                Line::Said(level, message) => self.printer.say(level, &message),
                Line::Detail(_) => {}
            },
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Off the screen in one go; what follows is not drawn any more.
        let _ = self.bars.clear();
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
        self.head.finish_and_clear();
        for row in self.rows.lock().unwrap_or_else(PoisonError::into_inner).values() {
            row.finish_and_clear();
        }
        self.printer.end_live();
    }
}

/// The text of a row.
fn row(object: &ObjectRef, is_child: bool, state: ObjectState, detail: &str, printer: &Printer) -> String {
    let name = if is_child { format!("  • {object}") } else { object.to_string() };
    let word = pad(message::state(state, printer.language()), STATE_WIDTH);
    let paint: Paint = printer.paint_stderr();
    let word = match state {
        ObjectState::Ready => paint.good(&word),
        ObjectState::Failed => paint.bad(&word),
        _ => paint.pending(&word),
    };
    let detail = printer.mask(detail.lines().next().unwrap_or_default());
    format!("  {}  {word}  {detail}", pad(&shorten(&name, OBJECT_WIDTH), OBJECT_WIDTH))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::Live;
    use crate::action::{Event, ObjectRef, ObjectState, Observer, Phase};
    use crate::ui::language::Language;
    use crate::ui::printer::Printer;
    use crate::ui::table::visible_width;

    /// A terminal of 100 columns that keeps the lines as they stand on it.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<(Vec<String>, usize)>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            let mut screen = self.0.lock().unwrap();
            screen.1 = screen.1.saturating_sub(n);
            Ok(())
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.0.lock().unwrap().1 += n;
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)?;
            self.0.lock().unwrap().1 += 1;
            Ok(())
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            let mut screen = self.0.lock().unwrap();
            for (index, part) in text.split('\n').enumerate() {
                if index > 0 {
                    screen.1 += 1;
                }
                let line = screen.1;
                if screen.0.len() <= line {
                    screen.0.resize(line + 1, String::new());
                }
                screen.0[line].push_str(part.trim_start_matches('\r'));
            }
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            let mut screen = self.0.lock().unwrap();
            let line = screen.1;
            if let Some(text) = screen.0.get_mut(line) {
                text.clear();
            }
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn lines(&self) -> Vec<String> {
            let screen = self.0.lock().unwrap();
            screen.0.iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
        }
    }

    #[test]
    fn rows_stand_under_their_workload_and_go_with_the_observer() {
        let screen = Screen::default();
        let (printer, _) = Printer::captured(Language::Chinese);
        let live = Live::on(Arc::new(printer), ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let core = ObjectRef::new("StatefulSet", "maimai-maibot-core");
        let adapter = ObjectRef::new("StatefulSet", "maimai-maibot-adapter");
        let pod = ObjectRef::new("Pod", "maimai-maibot-adapter-0");
        let status = |object: &ObjectRef, parent: Option<&ObjectRef>, state, detail: &str| {
            live.event(&Event::ObjectStatus {
                object: object.clone(),
                parent: parent.cloned(),
                state,
                detail: detail.to_owned(),
            });
        };
        live.event(&Event::PhaseStarted { phase: Phase::Wait });
        status(&ObjectRef::new("Service", "maimai-maibot-core"), None, ObjectState::Ready, "");
        status(&core, None, ObjectState::Waiting, "ready 0/1");
        status(&core, None, ObjectState::Ready, "ready 1/1");
        status(&adapter, None, ObjectState::Waiting, "ready 0/1");
        status(&pod, Some(&adapter), ObjectState::Waiting, "ContainerCreating");
        live.head.tick();
        for row in live.rows.lock().unwrap().values() {
            row.tick();
        }
        let rows: Vec<_> = live.rows.lock().unwrap().values().map(indicatif::ProgressBar::message).collect();
        assert_eq!(
            rows.iter().map(|row| row.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>(),
            [
                "StatefulSet/maimai-maibot-adapter 等待",
                "• Pod/maimai-maibot-adapter-0",
                "StatefulSet/maimai-maibot-core 就绪"
            ]
        );
        let starts: Vec<_> = rows.iter().map(|row| visible_width(row.split("  ").last().unwrap())).collect();
        let widths: Vec<_> =
            rows.iter().map(|row| visible_width(row)).zip(starts).map(|(all, end)| all - end).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "the details begin in one column: {rows:?}");
        assert!(screen.lines().iter().any(|line| line.contains("等待就绪")), "{:?}", screen.lines());

        status(&pod, Some(&adapter), ObjectState::Ready, "");
        assert_eq!(live.rows.lock().unwrap().len(), 2, "a Pod that is ready needs no row");
        drop(live);
        assert_eq!(screen.lines(), Vec::<String>::new(), "nothing is left on the screen");
    }
}
