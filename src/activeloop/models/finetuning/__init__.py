"""Fine-tuning: one short loop, what it minimises, and the learners made of it."""
