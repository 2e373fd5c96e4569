// Package fetcher makes exactly one ticket of every message that arrives in a mailbox's folder: through restarts, crashes,
// throttling, moved folders, expired sync states, bad messages, and with several instances at work.
//
//	store, err := fetcher.NewSQLStore(ctx, db, nil) // PostgreSQL, SQLite, MySQL, MariaDB
//	err = store.Migrate(ctx)                        // makes its tables beside the tickets'
//	err = fetcher.Run(ctx, mailbox, ews.Inbox, &fetcher.Options{
//		Store: store,
//		TxHandler: func(ctx context.Context, msg *ews.Message, d *fetcher.Delivery) error {
//			return d.Commit(ctx, func(tx *sql.Tx) error {
//				_, err := tx.ExecContext(ctx, `INSERT INTO tickets (subject) VALUES ($1)`, msg.Subject)
//				return err
//			})
//		},
//		After: fetcher.Action{MarkRead: true, Move: fetcher.Place{Parent: ews.Inbox, Path: []string{"Processed"}}},
//	})
//
// # Which form
//
// With [TxHandler] the ticket and the note that it was made are committed together, in the application's database: exactly one ticket,
// with nothing else to do. With [Handler] the ticket may lie anywhere, and a message is handed out again when the program dies between
// the ticket's commit and the note. Then the ticket needs a unique column for [Key], and an insert that finds it there is a success:
// that makes exactly one ticket as well. A ticket store that can do neither gets each message at least once.
//
// # How it works
//
// The folder is watched (ews.Mailbox.Watch). What arrives is first written down in the [Store], together with the cursor; then each message
// is handed to the handler, [Options.Parallel] at a time, and acknowledged by itself. A message that fails is tried again with growing
// pauses; when patience has run out it goes into quarantine, a folder, and its [Entry] says why. It holds up nothing else, unless
// [Options.Ordered] asks for the order within a conversation. A message that ends the whole program each time is found out as well: deaths are
// counted before it is handed out again, and after [Options.MaxAttempts] of them it is in quarantine. Then follows [Options.After], which is repeated after a crash until it is done:
// the ticket comes first, the move second.
//
// One instance fetches a source, any number wait. They agree through the Store, where the holder of the lease shows signs of life; when
// they stop another one takes over within [Options.LeaseTTL] and a second or so, and what the old holder still tries to save is refused. With
// [Options.Lock] a lock decides instead, PostgreSQL's for example, which ends with its holder's connection.
//
// # What counts as one message
//
// See [Key]: a message is the same wherever it is moved, and a copy is the same as its original; what is delivered twice is two. One that leaves the folder before its turn
// makes no ticket; when it comes back it does. Keys are forgotten [Options.Remember] after the message left the folder, and never before.
//
// When the cursor is lost or refused the folder is listed anew, and only what the Store does not know is handed out.
//
// # How fast
//
// Measured on two busy cores, Exchange in the same process (BenchmarkArrival, TestHandOverProcesses, TestDrain print it): from a message's arrival
// to its handler 3.4 ms in the median and 138 ms in the 99th percentile with the stream, when the time before was quiet; 0.45 and 0.68 s for
// one message after the other, which is ews.WatchOptions.MinInterval; 0.73 and 0.99 s when polling every second without a stream. From a
// SIGKILL of the process that fetches to the next ticket of another one 7 to 8 s with the lease of 6 s, and 0.08 s with an advisory lock of
// PostgreSQL as Options.Lock. Shutdown under load takes Options.Grace and a second at most.
//
// # At three in the morning
//
// [Fetcher.Stats] has the counters, the lag and the last error; [Stats.Healthy] is for a health endpoint, and tells of whatever has failed for long,
// the store's one table that is full or read-only included. [Options.Logger] is told of each failure, with the message's key, where a handler panicked, and
// what an administrator can do. Nothing has to be restarted after a
// repair. [Stats.Refused] counts messages that lie where they were since the mailbox refused to have them marked or moved. What is in quarantine: [Store.Entries] in state [Quarantined], with the reason; moving a message back into the folder tries it again.
package fetcher
