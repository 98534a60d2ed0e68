package main

import "net/http"

type demoPage struct{ box *box }

func newDemoPage(b *box) *demoPage { return &demoPage{b} }

func (p *demoPage) handler() http.Handler { return http.NotFoundHandler() }
