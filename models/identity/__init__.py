"""Who somebody is, by face and by voice: nobody is identified, people in a recording are told from each other."""
