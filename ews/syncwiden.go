package ews

// wider decides how much to ask for next in a listing of which so many messages of the last page were left after
// SyncOptions.Known had left the others out. A folder of 50,000 messages of which nearly all are known, or too old, would take 1,000 requests
// at 50 a page; 512 is the most that Exchange gives, so that 98 is the fewest it can be done with, and the sync state can be had in no other
// way than by going through all of them.
//
// again: more were left than fit into a Batch. What was read is dropped, and asked for once more from the same sync state in pages as
// large as a Batch: it is Exchange that says where a page ends, and only there is a place to go on from.
func (p *syncPass) wider(fresh int) (again bool) {
	most := p.o.pageSize()
	switch {
	case fresh > most && p.size > most:
		p.size = most
		return true
	case fresh <= most/4:
		p.size = min(2*p.size, maxSyncChanges)
	}
	return false
}
