// Package tokenstore keeps OAuth 2.0 tokens for programs that run for years on one consent.
//
// What most programs need is four lines: a store, a key, a source.
//
//	files, err := tokenstore.NewFileStore(dir, nil)
//	key, err := tokenstore.ParseKey(os.Getenv("TOKEN_KEY"))
//	ring, err := tokenstore.NewKeyring(key)
//	src := tokenstore.NewSource(tokenstore.Encrypt(files, ring), "helpdesk@example.com", refresher, nil)
//
// [Source] then hands out access tokens: from memory while they are fresh, refreshed early and in the background before they
// expire, with one refresh in flight whatever the number of callers, processes and hosts. A rotated refresh token is saved before
// the access token that came with it is handed out. A refused refresh never deletes anything: the record is marked as needing a
// sign-in, and somebody is told ([SourceOptions.OnReauthRequired]).
//
// A [Store] keeps named records with versions and compare-and-swap. Memory and file stores are here; sqlstore, redisstore and
// keyringstore are packages of their own, so that a program links only the driver it uses. What a store can do besides, [Lister],
// [Locker] and [Watcher] tell by type assertion. Package storetest holds the contract as a test suite for further stores.
//
// # What is promised, and what cannot be
//
// Authorization servers rotate refresh tokens; strict ones revoke the whole grant when a spent token is presented again. No
// client can protect such a grant from a crash between the server's answer and the save. Everything else is covered, provided
// the store's [Locker] cannot expire while its holder lives (see [Tenure]): the file store's and the SQL stores' cannot; Redis can only
// lease. Microsoft Entra ID does not revoke spent refresh tokens, so there even a crash at the worst moment costs nothing.
//
// Encryption at rest ([Encrypt]) binds each record to its name. It cannot notice that a whole store was replaced by an older
// copy; a running [Source] does notice, and reports it.
//
// Tokens in memory are not wiped: the garbage collector may have copied them. This package protects what is stored and what is
// printed, not a process whose memory can be read.
package tokenstore
