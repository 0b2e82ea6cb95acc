"""Made sessions: recordings of RAVDESS put together so that who speaks, whose face is seen and what is portrayed are known exactly."""
