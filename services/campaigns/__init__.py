"""The scheduler and what works through audiences and time: sweeps, fan-out, imports."""
