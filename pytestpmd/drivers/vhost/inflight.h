#ifndef VHOST_INFLIGHT_H
#define VHOST_INFLIGHT_H
#include "eal/common.h"

/* What a back-end notes for whoever comes after it, in memory that the front-end keeps
 * (vhost-user, "Inflight I/O tracking"): a region for each ring, of one of these forms. The
 * front-end can write all of it at any time. */
struct inflight_split_desc {
	uint8_t inflight;
	uint8_t padding[5];
	uint16_t next; /* the last batch, as a list */
	uint64_t counter;
};

struct inflight_split {
	uint64_t features;
	uint16_t version; /* 0: nothing has been written yet */
	uint16_t desc_num;
	uint16_t last_batch_head;
	uint16_t used_idx;
	struct inflight_split_desc desc[]; /* by the head of a chain */
};

struct inflight_packed_desc {
	uint8_t inflight; /* of a chain's first */
	uint8_t padding;
	uint16_t next;
	uint16_t last; /* of a chain's first: where its last one is */
	uint16_t num;  /* and how many there are */
	uint64_t counter;
	uint16_t id;
	uint16_t flags;
	uint32_t len;
	uint64_t addr;
};

struct inflight_packed {
	uint64_t features;
	uint16_t version;
	uint16_t desc_num;
	uint16_t free_head;
	uint16_t old_free_head;
	uint16_t used_idx;
	uint16_t old_used_idx;
	uint8_t used_wrap_counter;
	uint8_t old_used_wrap_counter;
	uint8_t padding[7];
	struct inflight_packed_desc desc[]; /* in whatever order they were taken */
};

/* C only */
static_assert(sizeof(struct inflight_split_desc) == 16, "vhost-user, DescStateSplit");
static_assert(offsetof(struct inflight_split, desc) == 16, "vhost-user, QueueRegionSplit");
static_assert(sizeof(struct inflight_packed_desc) == 32, "vhost-user, DescStatePacked");
static_assert(offsetof(struct inflight_packed, desc) == 32, "vhost-user, QueueRegionPacked");

#endif
