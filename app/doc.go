// Package app puts everything together: it is the only package that knows which storage, grants, policies and dialects
// there are. It owns the program's settings, the listeners, the start and the end of a server, and the command line.
//
// It refuses settings that it does not know, and decides nothing about tokens: what is decided, the nouns and the pipeline
// decide.
//
//	config.go      one struct of settings; its comments are the manual
//	extensions.go  the three lists: dialects, grants, policies
//	build.go       store → nouns → pipeline → faces
//	handler.go     whose request is it: realm, then exact routes, then the gateway
//	run.go         listen, serve, drain
//	command*.go    the command line, one file per noun
package app
