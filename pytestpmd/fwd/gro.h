#ifndef FWD_GRO_H
#define FWD_GRO_H
#include "eal/mbuf.h"

#define GRO_SLOTS 512

/* TCP packets that came one after another and are to go on as one. */
struct gro_item {
	struct mbuf *pkt; /* the first one, to whose segments the others were added; NULL: none */
	struct mbuf *last;
	uint32_t next_seq;
	uint16_t next_id; /* of the IPv4 header */
	uint16_t l2_len;
	uint16_t hdr_len;
	bool is_closed; /* takes no more: pushed, or full */
};

/* What one stream holds back to merge. An item lies where the hash of its addresses and ports says,
 * so it is found at once, and one that is in another's way sends that on. */
struct gro_table {
	uint32_t nb_pkts;     /* held, each counted before it was merged */
	uint32_t max_pkts;    /* at which all go on */
	uint16_t turns;       /* since they went on last */
	uint16_t flush_turns; /* after which they do */
	uint16_t nb_used;
	uint16_t used[512]; /* slots in the order they were filled */
	struct gro_item items[512];
};

/* C only */

/* Take a packet in: what is to go on now, in order, and how many (0, 1 or 2); `has_merged` is set
 * when the packet became part of another. */
uint16_t gro_take(struct gro_table *gro, struct mbuf *m, struct mbuf **out, bool *has_merged);

/* At the end of a turn: whether all that is held goes on now. */
bool gro_is_due(struct gro_table *gro);

/* Let go what is held, `out` having room for GRO_SLOTS: how many. */
uint16_t gro_flush(struct gro_table *gro, struct mbuf **out);

#endif
