package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"github.com/ewsmail/ewsmail/ews"
)

// list reads what the inbox holds, oldest first: everything about each message but its text.
func (p *program) list(ctx context.Context, mailbox *ews.Mailbox) ([]*ews.Message, error) {
	var list []*ews.Message
	query := &ews.Query{Detail: ews.WithoutBody, OldestFirst: true, Limit: p.limit}
	for msg, err := range mailbox.Messages(ctx, ews.Inbox, query) {
		switch {
		case msg == nil:
			return nil, fmt.Errorf("list the inbox: %w", err)
		case err != nil: // this one message cannot be read
			p.report.Failed++
			p.fail(fmt.Errorf("message %q: %w", title(msg.Subject), err))
		default:
			list = append(list, msg)
		}
	}
	return list, nil
}

// inARow is how many messages one after the other may fail as if the server were gone, before it is taken to be gone. Fewer
// are those messages' failure: one that always breaks the connection must not keep the others from being fetched for good.
const inARow = 3

// fetch writes the messages and their attachments to files, and returns those that are completely on the disk, also with the
// error that ended the work early.
func (p *program) fetch(ctx context.Context, mailbox *ews.Mailbox, list []*ews.Message, out *outDir) ([]*ews.Message, error) {
	var total int64
	for _, msg := range list {
		total += msg.Size
	}
	bar := newProgress(p.stderr, p.verbose, len(list), total)
	defer bar.end()

	var fetched []*ews.Message
	var end error
	row := 0
loop:
	for i, msg := range list {
		bar.start(msg.Size)
		name := fmt.Sprintf("%04d-%s", i+1, slug(msg.Subject))
		it, err := p.fetchMessage(ctx, mailbox, msg, name, out, bar)
		switch {
		case err == nil:
			row = 0
			fetched = append(fetched, msg)
			p.add(it)
			bar.message(msg.Size, fmt.Sprintf("%s, attachments: %d, %s", size(it.Bytes), len(it.Attachments), title(it.Subject)))
		case errors.Is(err, ews.ErrNotFound):
			// Somebody moved or deleted it since it was listed.
			bar.message(msg.Size, fmt.Sprintf("gone meanwhile: %s", title(msg.Subject)))
		case ctx.Err() == nil && (concernsOneMessage(err) || maybeOneMessage(err)):
			p.report.Failed++
			if row++; concernsOneMessage(err) {
				row = 0 // the server is there, and says so
			} else if row == inARow {
				end = fmt.Errorf("message %q, and %d before it: %w", title(msg.Subject), inARow-1, err)
				break loop
			}
			bar.clear()
			p.fail(fmt.Errorf("message %q: %w", title(msg.Subject), err))
			bar.message(msg.Size, "failed: "+title(msg.Subject))
		default:
			end = fmt.Errorf("message %q: %w%s", title(msg.Subject), err, diskAdvice(err))
			break loop
		}
	}
	if err := out.sync(); err != nil {
		return nil, both(end, fmt.Errorf("-out: %w%s", err, diskAdvice(err)))
	}
	return fetched, end
}

// maybeOneMessage tells errors that may be the message's as well as the server's.
func maybeOneMessage(err error) bool {
	return errors.Is(err, ews.ErrUnavailable) || errors.Is(err, ews.ErrBadResponse)
}

// refusesAll tells errors after which every further request is in vain.
func refusesAll(err error) bool {
	return errors.Is(err, ews.ErrEWSBlocked) || errors.Is(err, ews.ErrUnauthorized) || needsSignIn(err)
}

// diskAdvice is what to do about an error of the folder for mail, "" for other errors.
func diskAdvice(err error) string {
	const then = ", then run it again: what is not in its files yet is still in the inbox"
	diskFull := runtime.GOOS == "windows" && errors.Is(err, syscall.Errno(112)) // ERROR_DISK_FULL
	switch {
	case diskFull, errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "; make room or name another folder with -out" + then
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(*os.LinkError)):
		return "; see to the folder or name another with -out" + then
	}
	return ""
}

// concernsOneMessage tells a message that the server cannot deliver from a server that delivers nothing.
func concernsOneMessage(err error) bool {
	for _, kind := range []error{ews.ErrBadItem, ews.ErrDenied, ews.ErrQuota, ews.ErrTooLarge} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// fetchMessage writes one message and its attachments.
func (p *program) fetchMessage(ctx context.Context, mailbox *ews.Mailbox, msg *ews.Message, name string, out *outDir, bar *progress) (item, error) {
	mime, err := p.download(ctx, out, "messages/"+name+".eml", bar, func() (io.ReadCloser, error) { return mailbox.MIME(ctx, msg.ID) })
	if err != nil {
		return item{}, err
	}
	it := item{File: mime.Name, Subject: oneLine(msg.Subject), Bytes: mime.Bytes, SHA256: mime.SHA256, Attachments: []attachmentItem{}}
	for i, a := range msg.Attachments {
		ai := attachmentItem{Name: a.Name, Kind: a.Kind.String(), ContentType: a.ContentType, Inline: a.Inline}
		if a.Kind != ews.ReferenceAttachment { // a link has no content here
			file := safeName(a.Name)
			if a.Kind == ews.ItemAttachment {
				file = emlName(file)
			}
			file = fmt.Sprintf("attachments/%s/%02d-%s", name, i+1, file)
			saved, err := p.download(ctx, out, file, nil, func() (io.ReadCloser, error) { return mailbox.Attachment(ctx, a.ID) })
			if err != nil {
				return item{}, fmt.Errorf("attachment %q: %w", oneLine(a.Name), err)
			}
			ai.File, ai.Bytes, ai.SHA256 = saved.Name, saved.Bytes, saved.SHA256
		}
		it.Attachments = append(it.Attachments, ai)
	}
	return it, nil
}

// downloads is how often a download is begun. The library repeats requests by itself, for as long as -patience says, but not
// once bytes have been handed out: only the receiver can start over.
const downloads = 3

// download streams what open gives into a file, from the start again when the connection is lost half way.
func (p *program) download(ctx context.Context, out *outDir, name string, bar *progress, open func() (io.ReadCloser, error)) (savedFile, error) {
	for try := 1; ; try++ {
		r, err := open()
		if err != nil {
			return savedFile{}, err
		}
		var src io.Reader = r
		if bar != nil {
			src = io.TeeReader(r, bar)
		}
		saved, err := out.save(name, src)
		r.Close()
		var t interface{ Temporary() bool }
		if err == nil || try == downloads || ctx.Err() != nil || !errors.As(err, &t) || !t.Temporary() {
			return saved, err
		}
		p.log.WarnContext(ctx, "download cut, starting over", "file", name, "error", err)
	}
}

func (p *program) add(it item) {
	p.report.Messages++
	p.report.Bytes += it.Bytes
	for _, a := range it.Attachments {
		p.report.Attachments++
		p.report.AttachmentBytes += a.Bytes
	}
	p.report.Items = append(p.report.Items, it)
}

// file marks the messages read and moves them, now that they are safe.
func (p *program) file(ctx context.Context, mailbox *ews.Mailbox, fetched []*ews.Message) error {
	processed, err := mailbox.EnsureFolder(ctx, ews.MsgFolderRoot, processedFolder)
	if err != nil {
		return fmt.Errorf("folder %s: %w", processedFolder, err)
	}
	ids := make([]ews.ItemID, len(fetched))
	for i, msg := range fetched {
		ids[i] = msg.ID
	}
	marked, err := succeeded(len(ids), mailbox.SetRead(ctx, true, ids...))
	p.report.MarkedRead = marked
	if err != nil {
		return fmt.Errorf("mark read: %w", err)
	}
	_, err = mailbox.Move(ctx, processed.ID, ids...)
	p.report.Moved, err = succeeded(len(ids), err)
	if err != nil {
		return fmt.Errorf("move to %s: %w", processedFolder, err)
	}
	return nil
}

// succeeded counts what worked of a batch. A message that somebody else moved or deleted meanwhile is no failure.
func succeeded(total int, err error) (int, error) {
	var batch *ews.BatchError
	if !errors.As(err, &batch) {
		if err != nil {
			total = 0
		}
		return total, err
	}
	total -= len(batch.Items)
	for _, it := range batch.Items {
		if !errors.Is(it, ews.ErrNotFound) {
			return total, err
		}
	}
	return total, nil
}
