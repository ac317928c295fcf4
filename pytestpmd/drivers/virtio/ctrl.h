#ifndef VIRTIO_CTRL_H
#define VIRTIO_CTRL_H
#include "drivers/virtio/packed.h"

/* The control virtqueue (virtio 1.2, 5.1.6.5), split or packed. One command at a time is
 * outstanding, and the thread that gave it waits for it; no lcore comes near. */
struct ctrl_queue {
	struct virtqueue *vq;
	uint8_t *command;  /* shared: what the device reads, piece after piece */
	uint8_t *ack;      /* shared: the byte that the device writes */
	uint16_t head;     /* id of the chain that is outstanding */
	uint16_t nb_descs; /* that it takes; 0: there is none */
};

/* Offer the command as pieces of these lengths, and behind them the place for the ack; kick if the
 * device wants that. False when one is outstanding, or the ring is too short. */
bool ctrl_submit(struct ctrl_queue *cq, const uint32_t *lengths, uint16_t nb_pieces);

/* Whether the device has used the command: an answer that cannot be sets the queue's fault. */
bool ctrl_poll(struct ctrl_queue *cq);

/* Nothing is outstanding in a ring that was made anew. */
void ctrl_forget(struct ctrl_queue *cq);

#endif
