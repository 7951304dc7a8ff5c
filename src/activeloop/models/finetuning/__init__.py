"""Fine-tuning: settings, objectives, the fit loop, and the learners made of them."""
