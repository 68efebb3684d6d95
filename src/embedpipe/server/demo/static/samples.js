// Texts of our own to begin with.

export const SAMPLES = {
  medicine: `Antibiotics aren't painkillers. They kill bacteria, and do nothing against a headache.
Aspirin eases pain within half an hour.
The nurse asked whether the tablets had helped.
My train was forty minutes late this morning.
The express left the platform before I got there.`,
  bank: `She sat on the bank and watched the river go by.
The bank lends money to small firms.
Mud slid from the steep bank into the water.
Our bank raised its interest rates again.`,
  news: `The council voted for a new tram line on Tuesday.
Construction begins next spring and takes four years.
Shopkeepers fear for their customers while streets are closed.
Heavy rain flooded cellars in three villages overnight.
Firefighters pumped water until the morning.
The home team won by two goals after a weak first half.
Their striker scored for the tenth time this season.`,
};
