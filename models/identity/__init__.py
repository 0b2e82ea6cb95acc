"""Who somebody is, by face and by voice: nobody is identified; people within one recording are distinguished."""
